"""Suspended runs that two controllers let go on, or that ask for nothing any more."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Running

from cct_ops.controller.approvals import People, sweep
from cct_ops.ledger import set_aside
from cct_ops.ledger.gate import approvals
from cct_ops.ledger.gate.approval_answers import READ_GRACE_SECONDS
from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome
from cct_ops.settings import Settings
from tests.approvals.parts import asked, new_run
from tests.approvals.waiting_runs import Prefect, say
from tests.controller import wire


def test_an_answer_outlives_the_wait_for_the_process_that_asked_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")

    assert Settings.load().lease_seconds * 2 < READ_GRACE_SECONDS


def test_of_two_controllers_that_resume_a_run_at_once_neither_calls_it_a_fault(
    engine: sa.Engine, prefect: Prefect, people: People, prefect_api_url: str
) -> None:
    """Prefect answers 409 to the second of them."""
    run_id = prefect.suspended()
    approval = asked(engine, new_run(run_id))
    say(engine, approval, yes=True)
    pass_on = wire.passing_on_to(prefect_api_url.removesuffix("/api"))

    def be_second(request: wire.Request) -> wire.Answer | None:
        resumes = request.path.endswith("/resume")
        return wire.Answer(409, b"{}") if resumes else pass_on(request)

    with wire.wire(be_second) as line, temporary_settings({PREFECT_API_URL: f"{line.url}/api"}):
        sweep(engine, people)

    assert set_aside.listed(engine) == []
    assert sweep(engine, people) == 1
    assert prefect.state(run_id) == "Resuming"


def test_of_two_controllers_that_let_a_run_go_on_the_second_does_not_begin_it_again(
    engine: sa.Engine,
    prefect: Prefect,
    people: People,
    prefect_api_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker may be at work on it by then."""
    monkeypatch.setattr("cct_ops.controller.approvals.ACCOUNT_GRACE_SECONDS", 0)
    run_id = prefect.suspended()
    asked(engine, new_run(run_id))
    approvals.void(engine, run_id, "The run ended without needing it.")
    pass_on = wire.passing_on_to(prefect_api_url.removesuffix("/api"))

    def go_on(request: wire.Request) -> wire.Answer | None:
        answer = pass_on(request)
        if request.path.endswith("/flow_runs/filter"):
            prefect.set(run_id, Running())
        return answer

    with wire.wire(go_on) as line, temporary_settings({PREFECT_API_URL: f"{line.url}/api"}):
        sweep(engine, people)

    assert prefect.state(run_id) == "Running"
    assert set_aside.listed(engine) == []


def test_a_suspended_run_that_asks_for_nothing_any_more_is_made_to_go_on(
    engine: sa.Engine, prefect: Prefect, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended what it asked for, and was suspended before it could give its account."""
    monkeypatch.setattr("cct_ops.controller.approvals.ACCOUNT_GRACE_SECONDS", 0)
    run_id, at_work, ended = (prefect.suspended() for _ in range(3))
    for each in (run_id, at_work, ended):
        asked(engine, new_run(each))
    prefect.set(at_work, Running())
    account.record_outcome(engine, new_run(ended), "/pre-market-briefing", Outcome.VOID, "Over.")
    assert sweep(engine, people) == 0
    for each in (run_id, at_work, ended):
        approvals.void(engine, each, "The run ended without needing it.")

    assert sweep(engine, people) == 1
    assert sweep(engine, people) == 0
    found = [prefect.state(each) for each in (run_id, at_work, ended)]
    assert found == ["Resuming", "Running", "Suspended"]
