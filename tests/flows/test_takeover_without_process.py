"""
A run is taken over that has no process to hear of it.

It waits for a yes, has not begun, or its process was killed between the word and its effect.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from prefect.states import Cancelled

from cct_ops.controller import takeovers as controller
from cct_ops.controller.approvals import sweep as sweep_approvals
from cct_ops.errors import NotPermitted
from cct_ops.ledger.gate import approvals, takeovers
from cct_ops.ledger.gate.takeovers import Wish
from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome
from cct_ops.models.takeover import Choice
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from tasks.connections import settings
from tests.flows.crash_harness import CrashHarness
from tests.flows.deployment_run import DeploymentRun, deployment_run
from tests.flows.reaping import reap, recovery_of
from tests.flows.taking_over import DISABLE, LONG, RESET, take_over, writes
from tests.flows.test_recover import dead_run, env, nothing_is_held
from tests.flows.upkeep import ROUTE

__all__ = ["env"]  # a fixture

pytestmark = pytest.mark.usefixtures("upkeep")


@pytest.mark.parametrize(
    ("choice", "outcome", "sent"),
    [
        (Choice.UNDO, Outcome.UNDONE, [RESET, DISABLE]),
        (Choice.KEEP, Outcome.UNVERIFIED, [RESET]),
        (Choice.WATCH, Outcome.UNVERIFIED, [RESET]),
    ],
)
def test_killed_between_the_word_and_its_effect_its_recovery_does_it(
    sandbox: SandboxControl,
    engine: sa.Engine,
    harness: CrashHarness,
    env: dict[str, str],
    choice: Choice,
    outcome: Outcome,
    sent: list[str],
) -> None:
    pid = harness.start(env | LONG, "UPDATE actions", sign=signal.SIGSTOP)
    assert harness.end() == "stopped"
    run_id = dead_run(engine)
    take_over(engine, run_id, choice)
    os.kill(pid, signal.SIGKILL)
    assert harness.end() == "killed"

    assert recovery_of(engine, run_id).name == outcome.value

    known = account.of_run(engine, run_id)
    assert known.outcome is outcome
    assert "Ada took it over" in (known.reason or "")
    assert writes(sandbox) == sent
    assert nothing_is_held(engine)


def test_killed_before_it_changed_anything_it_is_not_done_anew(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    harness.start(env, "INSERT INTO permits")
    assert harness.end() == "killed"
    run_id = dead_run(engine)
    take_over(engine, run_id, Choice.KEEP)

    assert reap(engine, run_id) is None

    known = account.of_run(engine, run_id)
    assert known.outcome is Outcome.CANCELLED
    assert "Ada took it over" in (known.reason or "")
    assert writes(sandbox) == []


@pytest.fixture
def case(engine: sa.Engine, sandbox: SandboxControl) -> Iterator[DeploymentRun]:
    """A pulled canary, and a run that may repair it once that is approved."""
    sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    with deployment_run(engine, "auto-rollback", target=ROUTE.value, mode="approve") as run:
        yield run


def sweep(engine: sa.Engine) -> int:
    """Be the controller, once."""
    return controller.sweep(engine, Notifier.of(engine, settings()))


@pytest.mark.parametrize("choice", [Choice.UNDO, Choice.KEEP])
def test_one_that_waits_for_a_yes_is_ended_without_a_worker(
    sandbox: SandboxControl, engine: sa.Engine, case: DeploymentRun, choice: Choice
) -> None:
    """The request ends with the word itself; the controller does the rest."""
    assert case.work() == "Suspended"

    taken = take_over(engine, case.run_id, choice)
    assert approvals.pending(engine) == []
    sweep(engine)

    state = case.run().state
    assert state is not None
    assert (state.name, state.message) == ("Cancelled", taken.words)
    known = case.record
    assert known.outcome is Outcome.CANCELLED
    assert known.reason == f"{taken.words} Nothing had been changed."
    assert sweep(engine) == 0
    assert sandbox.writes() == []
    heads = [str(each.body["text"]) for each in sandbox.slack_messages()]
    assert f":raised_hand: Ada has taken over auto-rollback on {ROUTE}: {choice}" in heads


def test_one_that_waits_for_a_yes_can_look_once_more(
    sandbox: SandboxControl, engine: sa.Engine, case: DeploymentRun
) -> None:
    assert case.work() == "Suspended"

    take_over(engine, case.run_id, Choice.WATCH)
    sweep(engine)
    assert sweep_approvals(engine) == 1

    assert case.work() == "Recommended"
    assert "Ada took it over (keep watching only)" in (case.record.reason or "")
    assert sandbox.writes() == []


def test_one_that_has_not_begun_never_looks(
    sandbox: SandboxControl, engine: sa.Engine, case: DeploymentRun
) -> None:
    """Whether a worker takes it up right then or not."""
    wish = Wish(choice=Choice.UNDO, person="Ada", proof="-", signature="Ada", reason="mine")
    takeovers.record(engine, case.run_id, wish, playbook="auto-rollback", target=ROUTE)

    assert case.work() == "Cancelled"

    assert case.record.outcome is Outcome.CANCELLED
    assert case.record.looked_at is None
    sweep(engine)
    assert sweep(engine) == 0


def test_one_that_no_worker_takes_is_ended_all_the_same(
    engine: sa.Engine, case: DeploymentRun
) -> None:
    wish = Wish(choice=Choice.KEEP, person="Ada", proof="-", signature="Ada", reason="mine")
    takeovers.record(engine, case.run_id, wish, playbook="auto-rollback", target=ROUTE)

    sweep(engine)

    assert case.run().state_name == "Cancelled"
    assert case.record.outcome is Outcome.CANCELLED
    with pytest.raises(NotPermitted, match="Ada has taken this run over already"):
        take_over(engine, case.run_id, Choice.UNDO)


def test_a_controller_that_died_in_between_is_followed_by_another(
    engine: sa.Engine, case: DeploymentRun
) -> None:
    """It had the run cancelled in Prefect, and gave no account of it."""
    assert case.work() == "Suspended"
    taken = take_over(engine, case.run_id, Choice.KEEP)
    case.client.set_flow_run_state(case.run_id, Cancelled(message=taken.words))

    sweep(engine)

    assert case.record.outcome is Outcome.CANCELLED
    assert sweep(engine) == 0
