"""The weekly report: a table, a chart, and an issue where the numbers are too high."""

from __future__ import annotations

import json
from functools import partial

import pytest
import sqlalchemy as sa

from cct_ops.models.run import Mode, Outcome
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.github_inputs import GitHubSeed
from cct_ops.sandbox.inputs import Dialect, Fault, SeedExemption
from flows.exemption_weekly_report import exemption_weekly_report
from tasks.connections import settings
from tests.flows.run_assertions import artifacts_of, final, known

SOON = SeedExemption(jira_reference="OPS-1", owner="alice", days_left=3)
PAST = SeedExemption(jira_reference="OPS-2", owner="bob", days_left=-2)
LATER = SeedExemption(jira_reference="OPS-3", owner="bob")

run = partial(final, exemption_weekly_report, mode=Mode.AUTO)


@pytest.fixture
def without_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository is set."""
    monkeypatch.delenv("GITHUB_REPOSITORY")
    settings.cache_clear()


@pytest.mark.usefixtures("without_github")
@pytest.mark.parametrize("dialect", ["runbook", "handlers-only"])
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


def test_a_warning_opens_the_weeks_issue_once(sandbox: SandboxControl) -> None:
    sandbox.exemptions(SOON, PAST, LATER)
    sandbox.seed_github(GitHubSeed())

    assert run(mode=Mode.OBSERVE).name == "Recommended"
    assert sandbox.github().writes == ()

    first, again = run(), run()

    assert (first.name, first.type.value) == ("Resolved", "COMPLETED"), first.message
    assert (again.name, again.type.value) == ("Nothing to do", "COMPLETED")
    (issue,) = sandbox.github().issues
    assert issue.title.startswith("Exemptions need attention: weekly report of ")
    assert "OPS-2" in issue.body
    assert f"Issue #{issue.number} of this week" in (again.message or "")
    assert sandbox.writes() == []


def test_an_issue_that_somebody_closes_at_once_is_not_called_done(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    sandbox.exemptions(PAST)
    sandbox.seed_github(GitHubSeed(bot_closes_issues=True))

    ended = run()

    assert ended.is_failed()
    kept = known(engine, ended)
    assert kept.outcome is Outcome.FAILED  # closed it is already, and nobody undid anything
    assert "Nothing of it is in effect, so nothing had to be undone" in (kept.reason or "")
    assert [each.state for each in sandbox.github().issues] == ["closed"]


def test_a_github_that_refuses_does_not_keep_the_report_back(sandbox: SandboxControl) -> None:
    sandbox.exemptions(PAST)
    sandbox.faults(Fault(path="/github/", error_status=401))

    ended = run()

    assert ended.name == "Recommended"
    issues = [str(each.data) for each in artifacts_of(ended, "markdown")]
    assert any("gh issue create --repo" in text for text in issues)


def test_a_calm_week_is_only_shown(sandbox: SandboxControl) -> None:
    sandbox.exemptions(SOON, LATER)

    ended = run()

    assert ended.name == "Nothing to do"
    assert len(artifacts_of(ended, "markdown")) == 1
