"""A follow-up and its issue on GitHub keep step, and there is one issue."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from cct_ops.controller.follow_ups import Issues
from cct_ops.errors import BadConfiguration
from cct_ops.ledger import set_aside
from cct_ops.ledger.record import follow_ups as rows
from cct_ops.ledger.record.tables import follow_ups as table
from cct_ops.models.follow_up import FollowUpState
from cct_ops.reports.follow_ups import mark
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.github_inputs import GitHubSeed, Issue
from cct_ops.sandbox.inputs import Fault
from cct_ops.settings import Settings
from tests.conftest import ROOT
from tests.controller.follow_ups.promises import promised, says


def brought(engine: sa.Engine, settings: Settings) -> None:
    """Let a new process of ours come to its turn, after the pause of the one before."""
    set_aside.border.cache_clear()
    with engine.begin() as tx:
        asked = table.c.issue_asked_at - timedelta(hours=1)
        tx.execute(sa.update(table).values(issue_asked_at=asked))
    Issues(engine, settings)()


def issues(sandbox: SandboxControl) -> list[Issue]:
    """Return those that GitHub has."""
    return list(sandbox.github().issues)


def test_each_follow_up_is_one_issue_that_notifies_nobody(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl
) -> None:
    mine = promised(engine, "Ask @team about <b>#1</b>.", days=3)

    for _ in range(3):
        brought(engine, settings)

    (issue,) = issues(sandbox)
    assert "@team" not in issue.title + issue.body
    assert r"\<b\>\#1\</b\>" in issue.body
    assert mark(mine) in issue.body
    assert rows.find(engine, mine).issue_url == f"https://github.example/example/cct/issues/{1}"
    assert len(sandbox.github().writes) == 1


def test_what_was_set_aside_is_forgotten_once_there_is_nothing_to_be_done(
    engine: sa.Engine, settings: Settings
) -> None:
    for part in ("issues of follow-ups", "looks at issues of follow-ups"):
        set_aside.put(engine, part, "gone", "It was odd, and somebody has seen to it.")

    brought(engine, settings)

    assert set_aside.listed(engine) == []


def test_a_lost_answer_makes_no_second_issue(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl
) -> None:
    """Nor does anybody try again while the first attempt may still be under way."""
    mine = promised(engine)
    sandbox.faults(Fault(path="/github/", apply_then_hang=True))
    brought(engine, settings.model_copy(update={"request_timeout_seconds": 1}))
    assert rows.find(engine, mine).issue_url is None
    while not issues(sandbox):  # a busy machine may take it after that second
        time.sleep(0.1)
    sandbox.faults()
    Issues(engine, settings)()
    assert rows.find(engine, mine).issue_url is None

    brought(engine, settings)

    assert len(issues(sandbox)) == 1
    assert rows.find(engine, mine).issue_url is not None


def test_what_is_dropped_before_its_issue_was_made_needs_none(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl
) -> None:
    """And what was dropped after an answer was lost has its issue closed."""
    never, lost = promised(engine), promised(engine)
    rows.end(engine, never, FollowUpState.DROPPED, by="bo", reason="No.")
    sandbox.faults(Fault(path="/github/", apply_then_hang=True))
    brought(engine, settings.model_copy(update={"request_timeout_seconds": 1}))
    while not issues(sandbox):
        time.sleep(0.1)
    sandbox.faults()
    rows.end(engine, lost, FollowUpState.DROPPED, by="bo", reason="No.")

    for _ in range(2):
        brought(engine, settings)

    assert [(each.state, each.state_reason) for each in issues(sandbox)] == [
        ("closed", "not_planned")
    ]


def test_a_process_that_dies_before_it_writes_the_number_down_makes_no_second_issue(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl
) -> None:
    """Killed with -9, between GitHub's answer and the row."""
    mine = promised(engine)
    dies = (
        "import os, sys; from cct_ops.controller import follow_ups as f;"
        "from cct_ops.ledger.engine import connect; from cct_ops.settings import Settings;"
        "from pydantic import SecretStr;"
        "f.issues.record = lambda *_: os.kill(os.getpid(), 9);"
        "f.Issues(connect(SecretStr(sys.argv[1])), Settings.load())()"
    )
    url = engine.url.render_as_string(hide_password=False)
    ended = subprocess.run([sys.executable, "-c", dies, url], cwd=ROOT, check=False)
    assert ended.returncode == -9
    assert len(issues(sandbox)) == 1

    brought(engine, settings)

    assert len(issues(sandbox)) == 1
    assert rows.find(engine, mine).issue_url is not None


def test_what_is_done_or_dropped_here_is_closed_there(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl
) -> None:
    done, dropped = promised(engine), promised(engine)
    brought(engine, settings)
    rows.end(engine, done, FollowUpState.DONE, by="bo")
    rows.end(engine, dropped, FollowUpState.DROPPED, by="bo", reason="No.")

    brought(engine, settings)

    closed = {each.state_reason for each in issues(sandbox) if each.state == "closed"}
    assert closed == {"completed", "not_planned"}


@pytest.mark.parametrize(
    ("why", "state", "reason"),
    [
        ("completed", FollowUpState.DONE, None),
        ("not_planned", FollowUpState.DROPPED, "Its issue was closed as not planned."),
    ],
)
def test_what_is_closed_there_is_over_here(
    engine: sa.Engine,
    settings: Settings,
    sandbox: SandboxControl,
    why: str,
    state: FollowUpState,
    reason: str | None,
) -> None:
    """By whoever closed it; nothing is sent to GitHub for it."""
    mine = promised(engine)
    brought(engine, settings)
    patch(sandbox, 1, state="closed", state_reason=why)
    writes = sandbox.github().writes

    brought(engine, settings)

    ended = rows.find(engine, mine)
    assert (ended.state, ended.reason, ended.ended_by) == (state, reason, "octocat on GitHub")
    brought(engine, settings)
    assert sandbox.github().writes == writes


def test_an_issue_that_did_not_change_is_not_sent_again(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl
) -> None:
    """Between two looks is a pause, and a look names what is known."""
    mine = promised(engine)
    works = Issues(engine, settings)
    works()
    for _ in range(2):
        works._next_look = 0
        works()

    ((number, tag),) = works._tags.items()
    answer = patch(sandbox, number, method="GET", headers={"If-None-Match": tag or ""})
    assert (number, answer.status_code) == (1, 304)
    assert rows.find(engine, mine).open


def test_an_issue_says_whose_it_is_now(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl
) -> None:
    mine = promised(engine)
    brought(engine, settings)

    rows.assign(engine, mine, owner="anna", due=date(2999, 1, 1), by="ada")
    brought(engine, settings)

    (issue,) = issues(sandbox)
    assert "Owner: anna" in issue.body
    assert "Due: 2999-01-01" in issue.body


def test_a_follow_up_goes_on_without_an_issue_that_somebody_deleted(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl
) -> None:
    mine = promised(engine)
    brought(engine, settings)
    sandbox.seed_github(GitHubSeed())

    brought(engine, settings)

    assert rows.find(engine, mine).open
    assert set_aside.listed(engine) == []


def test_no_issue_is_made_where_policy_wants_none(
    engine: sa.Engine, settings: Settings, sandbox: SandboxControl, policy: Path
) -> None:
    """It is the default; where it wants some and there is no token, that is said."""
    promised(engine)
    says(policy, remind_at="00:00")
    brought(engine, settings)
    assert issues(sandbox) == []

    says(policy, github_issues="true")
    with pytest.raises(BadConfiguration, match="GH_TOKEN is not set"):
        Issues(engine, settings.model_copy(update={"gh_token": None}))()


def patch(
    sandbox: SandboxControl,
    number: int,
    *,
    method: str = "PATCH",
    headers: object = (),
    **body: str,
) -> httpx.Response:
    """Do as somebody on GitHub does."""
    url = f"{sandbox.base_url}/github/repos/example/cct/issues/{number}"
    token = {"Authorization": "Bearer t"} | dict(headers)  # type: ignore[call-overload]
    return httpx.request(method, url, json=body or None, headers=token, trust_env=False)
