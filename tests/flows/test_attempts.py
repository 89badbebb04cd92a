"""A run is worked on once: whatever sets it going again ends at once, and its end stays."""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_FLOW_DEFAULT_RETRIES, temporary_settings
from prefect.states import AwaitingRetry, Crashed, Scheduled

from cct_ops.ledger.gate.tables import permits, run_leases, target_locks
from cct_ops.ledger.record import account
from cct_ops.models.run import REFUSED, Outcome, incident_tag
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from flows.recover import recover
from tasks.attempts import one_attempt
from tasks.connections import settings
from tests.flows.crash_harness import CrashHarness, killed_at
from tests.flows.deployment_run import DeploymentRun, deployment_run
from tests.flows.kill_triggers import CONFIRMED, Trigger
from tests.flows.reaping import reap
from tests.flows.test_auto_rollback import pull
from tests.flows.upkeep import ROUTE, pending, run_of
from tests.ledger.alerts import opened

PLAYBOOK = "auto-rollback"
# What the page of a finished run offers, what the API takes, and what people invent.
WAYS: list[State[Any]] = [AwaitingRetry(), Scheduled(), Scheduled(name="Once more")]


def again(run: DeploymentRun, way: State[Any]) -> tuple[str | None, str]:
    """Set the run going again and work on it; returns how that ended."""
    run.client.set_flow_run_state(run.run_id, way, force=True)
    name, state = run.work(), run.run().state
    assert state is not None
    return name, state.message or ""


def left(engine: sa.Engine) -> list[object]:
    """What is open in the ledger."""
    wanted = (
        sa.select(permits.c.id).where(permits.c.closed_at.is_(None)),
        sa.select(target_locks.c.target),
    )
    with engine.connect() as connection:
        return [row for each in wanted for row in connection.execute(each).scalars()]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.name))
def test_a_finished_run_is_not_begun_again(
    engine: sa.Engine, sandbox: SandboxControl, way: State[Any]
) -> None:
    """It does not even look, although there would be something to do by now."""
    sandbox.set_canary(ROUTE, 20)
    with deployment_run(engine, PLAYBOOK, target=ROUTE, mode="auto") as run:
        assert run.work() == Outcome.NOTHING_TO_DO
        first = run.record
        pull(sandbox)
        seen, notices = len(sandbox.requests()), sandbox.slack_messages()

        name, message = again(run, way)

        assert name == Outcome.NOTHING_TO_DO
        assert "ended already: Nothing to do" in message
        assert "start a new run of auto-rollback" in message
        assert len(sandbox.requests()) == seen
        assert sandbox.slack_messages() == notices
        assert run.record == first
        assert left(engine) == []


def test_a_run_that_acted_on_an_approval_is_not_begun_again(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """It goes on once after it was suspended, and that is all."""
    pull(sandbox)
    with deployment_run(engine, PLAYBOOK, target=ROUTE, mode="approve") as run:
        assert run.work() == "Suspended"
        assert run.approve() == 1
        assert run.work() == Outcome.RESOLVED
        writes, first = sandbox.writes(), run.record

        name, _ = again(run, AwaitingRetry())

        assert name == Outcome.RESOLVED
        assert (sandbox.writes(), run.record) == (writes, first)


def test_what_died_in_its_change_is_recovered_and_not_retried(
    engine: sa.Engine, sandbox: SandboxControl, harness: CrashHarness, upkeep: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A person's retry neither acts nor keeps the recovery away, before it began or after."""
    monkeypatch.setenv("CCT_OPS_LEASE_SECONDS", "1")
    settings.cache_clear()
    pull(sandbox)
    run_id = pending(PLAYBOOK, {"target": ROUTE, "mode": "auto"})
    env = {name: value for name, value in os.environ.items() if name.startswith(("CCT_", "X_"))}
    killed_at(Trigger(statement=CONFIRMED), PLAYBOOK, run_id, sandbox, harness, env)

    with deployment_run(engine, PLAYBOOK) as other:
        run = DeploymentRun(other.client, engine, PLAYBOOK, run_id)
        for words in ("had begun its change", "was taken for dead", "ended already: Undone"):
            run.client.set_flow_run_state(run_id, Crashed(), force=True)
            name, message = again(run, AwaitingRetry())
            assert name == (Outcome.UNDONE if "ended" in words else REFUSED)
            assert words in message
            if words == "had begun its change":
                recovery = run_of(reap(engine, run_id)).parameters
            elif words == "was taken for dead":
                assert recover(UUID(recovery["run_id"]), return_state=True).name == Outcome.UNDONE

    assert account.of_run(engine, run_id).outcome is Outcome.UNDONE
    assert [each.path.rpartition("/")[2] for each in sandbox.writes()] == ["reset", "disable"]
    assert left(engine) == []


def test_a_run_without_an_account_is_left_alone_by_a_second_process(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """Somebody scheduled it while its process is at work: that one goes on as before."""
    pull(sandbox)
    with deployment_run(engine, PLAYBOOK, target=ROUTE, mode="auto") as run:
        with engine.begin() as tx:
            tx.execute(
                sa.insert(run_leases).values(
                    run_id=run.run_id, holder=uuid4(), expires_at=sa.text("now() + '1 minute'")
                )
            )

        assert run.work() == REFUSED

        assert sandbox.writes() == []
        assert run.record.outcome is None


def test_no_setting_makes_a_playbook_retry() -> None:
    with temporary_settings({PREFECT_FLOW_DEFAULT_RETRIES: 3}):

        @one_attempt
        @flow
        def playbook(target: UUID) -> None:
            """Do nothing."""

    assert playbook.retries == 0
    assert playbook.validate_parameters({"target": str(UUID(int=1))}) == {"target": UUID(int=1)}


def test_retries_that_somebody_gave_the_run_end_in_one_account(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """The policy of a run can be changed by anybody while it runs."""
    sandbox.faults(Fault(path="/api/v1/", error_status=404))
    with deployment_run(engine, PLAYBOOK, target=ROUTE, mode="auto") as run:
        policy = run.run().empirical_policy.model_copy(update={"retries": 2, "retry_delay": 0})
        run.client.update_flow_run(run.run_id, empirical_policy=policy)

        run.work()

        assert run.run().state_name in {Outcome.FAILED, Outcome.BLOCKED}
        assert run.record.outcome is not None
        assert sandbox.writes() == []


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ([incident_tag(UUID(int=7))], "has no incident 00000000-0000-0000-0000-000000000007"),
        (["incident:INC-1234"], "incident:INC-1234 names no incident"),
        (["incident:"], "incident: names no incident"),
        (["incident:" + "9" * 5000], "names no incident"),
        (["incident:1", "incident:2"], "name 2 incidents"),
    ],
)
def test_a_run_for_an_incident_that_there_is_not_does_not_look(
    engine: sa.Engine, sandbox: SandboxControl, tags: list[str], words: str
) -> None:
    """And wakes nobody: who made the run reads it there."""
    pull(sandbox)
    with deployment_run(engine, PLAYBOOK, tags, target=ROUTE, mode="auto") as run:
        assert run.work() == REFUSED
        state = run.run().state
        assert state is not None
        assert words in (state.message or "")
        assert sandbox.requests() == []
        assert sandbox.slack_messages() == []
        assert run.record.outcome is None


def test_a_run_for_an_incident_of_the_ledger_is_of_it(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    incident = opened(engine)
    pull(sandbox)
    with deployment_run(
        engine, PLAYBOOK, [incident_tag(incident)], target=ROUTE, mode="auto"
    ) as run:
        assert run.work() == Outcome.RESOLVED

        assert account.incident_of(engine, run.run_id) == incident


@pytest.mark.parametrize(
    ("playbook", "given"),
    [
        ("revert-change", {"change_id": "INC-1234"}),
        ("recover", {"run_id": "no run"}),
        ("auto-rollback", {"target": ["/daily-summary"], "mode": 7}),
    ],
)
def test_a_run_whose_parameters_are_odd_ends_with_an_account_that_names_them(
    engine: sa.Engine, playbook: str, given: dict[str, object]
) -> None:
    """However it was made past the form."""
    with deployment_run(engine, playbook, **given) as run:
        run.work()

        kept = run.record
        assert kept.outcome is not None
        assert str(next(reversed(given))) in (kept.reason or "")
