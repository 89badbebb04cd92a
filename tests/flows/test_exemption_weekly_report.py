"""The weekly report: a table, a chart, and an issue where the numbers are too high."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prefect.client.schemas.objects import State

from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.exemption_inputs import SeedExemption
from cct_ops.sandbox.inputs import Dialect
from flows.exemption_weekly_report import exemption_weekly_report
from tests.flows.ends import artifacts_of

SOON = SeedExemption(jira_reference="OPS-1", owner="alice", days_left=3)
PAST = SeedExemption(jira_reference="OPS-2", owner="bob", days_left=-2)
LATER = SeedExemption(jira_reference="OPS-3", owner="bob")


def run() -> State[Any]:
    """Run the playbook to its final state."""
    state: State[Any] = exemption_weekly_report(return_state=True)
    return state


@pytest.mark.parametrize("dialect", ["runbook", "mounted"])
def test_a_warning_ends_with_the_command_that_opens_the_issue(
    sandbox: SandboxControl, dialect: Dialect
) -> None:
    """CCT's own handlers have all that it takes; nothing is changed."""
    sandbox.reset(dialect=dialect, limits=False)
    sandbox.exemptions(SOON, PAST, LATER)

    ended = run()

    assert (ended.name, ended.type.value) == ("Recommended", "COMPLETED")
    (table,) = artifacts_of(ended, "table")
    assert [row["JIRA"] for row in json.loads(str(table.data))] == ["OPS-2", "OPS-1"]
    (chart,) = artifacts_of(ended, "image")
    assert str(chart.data).startswith("data:image/svg+xml;base64,")
    issues = [str(each.data) for each in artifacts_of(ended, "markdown")]
    assert any("gh issue create --repo" in text for text in issues)
    assert sandbox.writes() == []


def test_a_calm_week_is_only_shown(sandbox: SandboxControl) -> None:
    sandbox.exemptions(SOON, LATER)

    ended = run()

    assert ended.name == "Nothing to do"
    assert len(artifacts_of(ended, "markdown")) == 1


def test_a_bare_cct_gets_a_sentence(sandbox: SandboxControl) -> None:
    sandbox.reset(dialect="bare", limits=False)

    ended = run()

    assert ended.is_failed()
    assert "This CCT has no exemption management" in (ended.message or "")
