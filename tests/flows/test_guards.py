"""Guards in the way of a real playbook: the refusal, its row, its notice, and what still runs."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.actions.canary import ResetCanary
from cct_ops.diagnoses.rollback import RollbackDiagnosis
from cct_ops.errors import SteadyStateNotReached
from cct_ops.gate.gate import Decision
from cct_ops.ledger.gate import approvals, switches
from cct_ops.ledger.gate.approvals import ApprovalRequirement
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.record.tables import decisions
from cct_ops.models.run import Mode, Outcome
from cct_ops.sandbox.control import SandboxControl
from cct_ops.stack.postgres import free_port
from tasks.authorise import authorise
from tasks.connections import ledger, settings
from tasks.diagnose import diagnose_rollback
from tasks.rollback import reset_canary
from tests.flows.run_assertions import final, known
from tests.flows.test_auto_rollback import ROUTE, pull, run
from tests.ledger.history import Conclusion, a_run, attempt, plan


def stopped(sandbox: SandboxControl, engine: sa.Engine, name: str, guard: str) -> State[Any]:
    """Let the playbook look at a pulled canary: a guard ends it so, and nothing is changed."""
    pull(sandbox)
    ended = run(mode=Mode.AUTO)
    assert ended.name == name
    assert known(engine, ended).decisions[-1].guard == guard
    assert sandbox.writes() == []
    return ended


def test_the_kill_switch_is_a_refusal_with_a_row_and_a_notice(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    switches.stop(engine, "a bad release", "ada")

    ended = stopped(sandbox, engine, "Blocked", "kill switch")

    assert ended.is_failed()
    decision = known(engine, ended).decisions[-1]
    assert decision.verdict == "Blocked"
    assert "stopped by ada, a bad release" in decision.reason
    assert "Blocked: auto-rollback" in sandbox.slack_messages()[-1].body["text"]


def test_in_a_storm_a_playbook_only_recommends(
    sandbox: SandboxControl, engine: sa.Engine, policy: Path, lenient: Path
) -> None:
    policy.write_text(
        lenient.read_text().replace("storm: {incidents: 1000", "storm: {incidents: 1")
    )
    with engine.begin() as tx:
        tx.execute(
            sa.insert(incidents).values(
                source="alertmanager",
                key="k",
                episode=1,
                state="open",
                labels={},
                annotations={},
                starts_at=sa.func.now(),
            )
        )
    stopped(sandbox, engine, "Recommended", "storm")


def test_a_recurrence_costs_the_playbook_its_autonomy(
    sandbox: SandboxControl, engine: sa.Engine, policy: Path, lenient: Path
) -> None:
    """In approve mode it has to ask, which a run without a deployment cannot."""
    policy.write_text(
        lenient.read_text().replace("recurs_within_hours: 0", "recurs_within_hours: 1")
    )
    attempt(engine, Outcome.RESOLVED, target=ROUTE, ago=timedelta(minutes=20))
    pull(sandbox)

    ended = run(mode=Mode.AUTO)

    assert "Approve mode needs a run that can be suspended" in (ended.message or "")
    assert sandbox.writes() == []


def test_a_run_that_would_ask_joins_the_one_that_waits_already(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    waiting = a_run()
    wanted = plan(ROUTE)
    requirement = ApprovalRequirement(why="Somebody has to say yes.", seconds=60)
    approvals.request(engine, Conclusion(wanted), wanted, waiting, requirement)
    pull(sandbox)

    ended = run(mode=Mode.APPROVE)

    assert (ended.name, ended.type.value) == ("Merged", "COMPLETED")
    assert f"run {waiting.id} waits for approval" in (ended.message or "")
    assert sandbox.writes() == []


def test_silences_that_cannot_be_read_stop_the_change(
    sandbox: SandboxControl, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCT_OPS_ALERTMANAGER_URL", f"http://127.0.0.1:{free_port()}")
    settings.cache_clear()
    ended = stopped(sandbox, engine, "Blocked", "silence")

    assert "No answer from Alertmanager" in (ended.message or "")


def test_guards_that_cannot_be_read_let_nothing_through(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    with engine.begin() as tx:
        tx.execute(sa.text("alter table switches rename to lost"))
    stopped(sandbox, engine, "Blocked", "guards unreadable")


@flow
def stopped_at_the_last_moment() -> Decision:
    """Everything is let through until the target is locked, and then somebody stops it."""

    def again() -> RollbackDiagnosis:
        switches.stop(ledger(), "now", "ada")
        return diagnose_rollback(ROUTE)

    with authorise(diagnose_rollback(ROUTE), Mode.AUTO, again) as decision:
        return decision


def test_guards_are_looked_at_again_right_before_the_permit(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    pull(sandbox)

    decision = stopped_at_the_last_moment()

    assert decision.permit is None
    assert decision.outcome is Outcome.BLOCKED
    with engine.connect() as connection:
        assert connection.execute(sa.select(decisions.c.guard)).scalars().all() == ["kill switch"]


def test_a_run_goes_by_the_policy_as_it_was_when_it_came_to_the_gate(
    sandbox: SandboxControl, policy: Path, lenient: Path
) -> None:
    """An edit counts for the next run: half of one policy and half of another is none."""
    policy.write_text(lenient.read_text())
    pull(sandbox)

    @flow
    def edited() -> Decision:
        def again() -> RollbackDiagnosis:
            policy.write_text("playbooks: {}")
            return diagnose_rollback(ROUTE)

        with authorise(diagnose_rollback(ROUTE), Mode.AUTO, again) as decision:
            return decision

    assert edited().permit is not None
    assert run(mode=Mode.AUTO).name == "Recommended"


def test_what_cannot_be_judged_any_more_when_it_is_its_turn_is_no_all_clear(
    sandbox: SandboxControl,
) -> None:
    pull(sandbox)

    @flow
    def overtaken() -> Decision:
        def again() -> RollbackDiagnosis:
            sandbox.set_canary(ROUTE, 20)
            sandbox.profile(ROUTE, slo_sample_size=0)
            return diagnose_rollback(ROUTE)

        with authorise(diagnose_rollback(ROUTE), Mode.AUTO, again) as decision:
            return decision

    decision = overtaken()

    assert decision.outcome is Outcome.UNVERIFIED
    assert decision.reason.startswith("No longer possible when it was its turn: The canary of")


@flow
def stopped_in_the_middle() -> None:
    """Somebody stops everything while the change is being watched, and it does not work."""
    look = partial(diagnose_rollback, ROUTE)
    with authorise(look(), Mode.AUTO, look) as decision:
        assert decision.permit is not None
        reset_canary(decision.permit, ResetCanary(route=ROUTE))
        switches.stop(ledger(), "in the middle", "ada")
        raise SteadyStateNotReached("It does not work.")


def test_what_was_changed_is_undone_although_everything_is_stopped(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    pull(sandbox)

    ended = final(stopped_in_the_middle)

    assert [(act.kind, act.state) for act in known(engine, ended).actions] == [
        ("change", "confirmed"),
        ("restore", "confirmed"),
    ]
    assert not sandbox.state().routes[ROUTE].enabled
