"""The auto-rollback playbook: from a pulled canary to a verified one, or the reason why not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.diagnoses.rollback_plan import Option
from cct_ops.ledger.gate import locks
from cct_ops.ledger.gate.tables import permits, target_locks
from cct_ops.ledger.people import owed_ends
from cct_ops.models.cct import Route
from cct_ops.models.run import Mode, Outcome
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from flows.auto_rollback import auto_rollback
from tasks.connections import settings
from tests.flows.run_assertions import final, known, report_of, run_id_of

ROUTE = Route.PRE_MARKET_BRIEFING


def pull(sandbox: SandboxControl, *, breach_over: bool = True) -> None:
    """Auto-rollback pulled the canary ten minutes ago."""
    sandbox.roll_back(
        ROUTE,
        "p95_latency_ms",
        observed=6200,
        threshold=5000,
        minutes_ago=10,
        breach_over=breach_over,
    )


run = partial(final, auto_rollback, ROUTE)


def test_auto_mode_repairs_a_canary_that_auto_rollback_pulled(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """Look, conclude, plan, authorise, act, verify, report: all of it is in the record."""
    pull(sandbox)

    ended = run(mode=Mode.AUTO)

    assert (ended.name, ended.type.value) == ("Resolved", "COMPLETED")
    assert sandbox.state().routes[ROUTE].enabled
    assert [write.path for write in sandbox.writes()] == ["/api/v1/canary/reset"]
    kept = known(engine, ended)
    assert kept.outcome is Outcome.RESOLVED
    assert owed_ends.listed(engine) == []
    assert [decision.verdict for decision in kept.decisions] == ["permitted"]
    assert [(act.call.method, act.state) for act in kept.actions] == [("reset_canary", "confirmed")]
    assert [found.verdict.value for found in kept.verifications] == ["holds"]


def test_the_report_says_what_happened_and_why(sandbox: SandboxControl) -> None:
    pull(sandbox)

    text = report_of(run(mode=Mode.AUTO))

    assert text.startswith("# Resolved: /pre-market-briefing")
    for part in ("p95", "canary/rollbacks", "Permitted", "reset\\_canary", "Holds", "Timeline"):
        assert part in text or part.replace("\\", "") in text
    assert (
        sandbox.slack_messages()[-1]
        .body["text"]
        .endswith("Resolved: auto-rollback on /pre-market-briefing")
    )


def test_nothing_is_held_when_a_run_is_over(sandbox: SandboxControl, engine: sa.Engine) -> None:
    pull(sandbox)

    run(mode=Mode.AUTO)

    with engine.connect() as connection:
        assert connection.execute(sa.select(target_locks)).all() == []
        assert (
            connection.execute(sa.select(permits.c.id).where(permits.c.closed_at.is_(None))).all()
            == []
        )


def test_a_canary_that_serves_needs_nothing(sandbox: SandboxControl) -> None:
    sandbox.set_canary(ROUTE, 20)

    assert run(mode=Mode.AUTO).name == "Nothing to do"
    assert sandbox.writes() == []


@pytest.mark.parametrize("why", ["a person", "expiry", "the breach goes on", "no traffic"])
def test_without_positive_evidence_auto_mode_asks_a_person(
    sandbox: SandboxControl, why: str
) -> None:
    """Only an event in the rollback history and a cause that is gone let automation act alone."""
    if why == "a person":
        sandbox.set_canary(ROUTE, 0, enabled=False)
    elif why == "expiry":
        sandbox.expire(ROUTE)
    else:
        pull(sandbox, breach_over=why != "the breach goes on")
        if why == "no traffic":
            sandbox.profile(ROUTE, slo_sample_size=0)

    ended = run(mode=Mode.AUTO)

    # A run without a deployment cannot wait for an answer, so here asking ends it.
    assert ended.is_failed()
    assert "Approve mode needs a run that can be suspended" in (ended.message or "")
    assert sandbox.writes() == []


def test_policy_is_a_ceiling(sandbox: SandboxControl, policy: Path) -> None:
    policy.write_text("playbooks:\n  auto-rollback: {ceiling: observe}\n")
    pull(sandbox)

    ended = run(mode=Mode.AUTO)

    assert ended.name == "Recommended"
    assert "Policy allows auto-rollback no more than observe" in (ended.message or "")
    assert sandbox.writes() == []


def test_a_playbook_that_policy_does_not_name_may_only_observe(
    sandbox: SandboxControl, policy: Path
) -> None:
    policy.write_text("playbooks: {}\n")
    pull(sandbox)

    assert run(mode=Mode.AUTO).name == "Recommended"


def test_a_wrong_policy_stops_the_run_with_file_line_and_reason(
    sandbox: SandboxControl, policy: Path
) -> None:
    policy.write_text("playbooks:\n  auto-rollback:\n    ceiling: sometimes\n")
    pull(sandbox)

    ended = run(mode=Mode.AUTO)

    assert f"{policy}:3" in (ended.message or "")
    assert sandbox.writes() == []


def test_too_few_samples_are_not_a_fix(sandbox: SandboxControl) -> None:
    """An enabled canary without traffic proves nothing: unverified, and the run is not green."""
    pull(sandbox)
    sandbox.profile(ROUTE, requests_per_second=0.1, slo_sample_size=500)

    ended = run(mode=Mode.AUTO)

    assert (ended.name, ended.type.value) == ("Unverified", "FAILED")
    assert "5 are needed" in (ended.message or "")


def test_a_write_that_stores_nothing_is_not_believed(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """CCT answers 200 without a key-value store; the read-back shows the truth."""
    pull(sandbox)
    sandbox.faults(Fault(drop_writes=True))

    ended = run(mode=Mode.AUTO)

    assert ended.is_failed()
    assert "did not take effect" in (ended.message or "")
    assert known(engine, ended).actions[0].state == "without effect"


def test_a_write_whose_answer_is_lost_is_read_back(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change was made, the answer never came: it is not sent again, and it counts."""
    monkeypatch.setenv("CCT_OPS_REQUEST_TIMEOUT_SECONDS", "1")
    settings.cache_clear()
    pull(sandbox)
    sandbox.faults(Fault(apply_then_hang=True, count=1))

    assert run(mode=Mode.AUTO).name == "Resolved"
    assert len(sandbox.writes()) == 1


def test_a_cct_without_admin_api_gets_one_sentence_and_no_change(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    sandbox.reset(dialect="bare", limits=False)

    ended = run(mode=Mode.AUTO)

    assert ended.is_failed()
    assert "This CCT has no" in (ended.message or "")
    assert sandbox.writes() == []
    assert known(engine, ended).outcome is Outcome.BLOCKED
    assert "This CCT has no" in report_of(ended)


def test_while_another_run_changes_the_target_this_one_waits_and_then_gives_way(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    pull(sandbox)
    assert locks.acquire(engine, ROUTE, uuid4(), seconds=60) is not None

    ended = run(mode=Mode.AUTO)

    assert (ended.name, ended.type.value) == ("Blocked", "FAILED")
    assert sandbox.writes() == []


def test_two_runs_on_one_target_make_one_change(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits for the first, looks again, and finds nothing left to do."""
    monkeypatch.setenv("CCT_OPS_LOCK_WAIT_SECONDS", "30")
    settings.cache_clear()
    pull(sandbox)

    # Prefect's settings live in the context, which a thread does not inherit.
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(copy_context().run, run, mode=Mode.AUTO) for _ in range(2)]

    assert sorted(str(each.result().name) for each in runs) == ["Nothing to do", "Resolved"]
    assert len(sandbox.writes()) == 1


def test_a_message_that_cannot_be_sent_does_not_change_how_the_run_ends(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """That it was not said is on record, so that it can be said later."""
    pull(sandbox)
    sandbox.faults(Fault(path="/slack/", error_status=500))

    assert (state := run(mode=Mode.AUTO)).name == "Resolved"
    assert owed_ends.listed(engine) == [run_id_of(state)]


def test_thresholds_are_not_raised_by_nothing_and_that_is_no_good_end(
    sandbox: SandboxControl,
) -> None:
    """Who names no limit gets a sentence, and not a green run."""
    state = run(option=Option.RAISE_THRESHOLDS, mode=Mode.AUTO)

    assert state.name == "Blocked"
    assert "name a limit, p95_latency_ms" in (state.message or "")
    assert sandbox.writes() == []
