"""The cleanup of exemptions: whose are marked as expired, and when it is better left alone."""

from __future__ import annotations

import json
from functools import partial

import pytest
import sqlalchemy as sa

from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault, SeedExemption
from flows.exemption_cleanup import exemption_cleanup
from tests.flows.run_assertions import artifacts_of, final, known, report_of

OVERDUE = SeedExemption(jira_reference="OPS-1", owner="alice", days_left=-2)
SOON = SeedExemption(jira_reference="OPS-2", owner="bob", days_left=5)
LATER = SeedExemption(jira_reference="OPS-3", owner="bob", days_left=90)


@pytest.fixture(autouse=True)
def one_is_overdue(sandbox: SandboxControl) -> None:
    """Three exemptions, one of them past its date."""
    sandbox.exemptions(OVERDUE, SOON, LATER)


run = partial(final, exemption_cleanup)


def test_auto_mode_expires_what_is_overdue(sandbox: SandboxControl, engine: sa.Engine) -> None:
    """And shows whose it was, in a table and in Slack."""
    ended = run(mode=Mode.AUTO)

    assert (ended.name, ended.type.value) == ("Resolved", "COMPLETED")
    statuses = sandbox.state().exemptions.statuses()
    assert statuses == {"OPS-1": "expired", "OPS-2": "active", "OPS-3": "active"}
    assert [act.state for act in known(engine, ended).actions] == ["confirmed"]
    (table,) = artifacts_of(ended, "table")
    (row,) = json.loads(str(table.data))
    assert (row["JIRA"], row["Owner"]) == ("OPS-1", "alice")
    summary, outcome = (message.body for message in sandbox.slack_messages())
    assert summary["text"] == ":broom: 1 exemption expired"
    assert "alice: OPS-1" in summary["blocks"][0]["text"]["text"]
    assert outcome["text"].endswith("Resolved: exemption-cleanup on exemptions")


def test_observe_mode_shows_what_would_expire(sandbox: SandboxControl) -> None:
    ended = run(mode=Mode.OBSERVE)

    assert (ended.name, sandbox.writes()) == ("Recommended", [])
    assert "alice" in report_of(ended)
    (table,) = artifacts_of(ended, "table")
    assert table.description == "Past their date, and not marked."


def test_without_overdue_ones_there_is_nothing_to_do(sandbox: SandboxControl) -> None:
    sandbox.exemptions(SOON, LATER)

    assert run(mode=Mode.AUTO).name == "Nothing to do"
    assert sandbox.writes() == []


def test_a_cleanup_that_is_not_stored_is_not_believed(sandbox: SandboxControl) -> None:
    sandbox.faults(Fault(drop_writes=True))

    ended = run(mode=Mode.AUTO)

    assert ended.is_failed()
    assert "did not take effect" in (ended.message or "")


def test_wrong_counts_are_not_this_playbook_s_case(sandbox: SandboxControl) -> None:
    """With its list lost CCT would clean up nothing and say that it did."""
    sandbox.exemptions(OVERDUE, list_lost=True)

    ended = run(mode=Mode.AUTO)

    assert (ended.name, ended.is_failed()) == ("Blocked", True)
    assert "Run exemption-failure first" in (ended.message or "")
    assert sandbox.writes() == []
