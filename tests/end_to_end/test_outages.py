"""Prefect's server is killed while runs wait, look, ask, act, watch and report: nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.objects import State

from cct_ops.ledger.record import account
from cct_ops.models.cct import Route
from cct_ops.sandbox.inputs import Fault
from tests.end_to_end.conftest import Stack, changes_on
from tests.end_to_end.killing import kill
from tests.end_to_end.test_approval import is_suspended, question
from tests.stack.polling import eventually

pytestmark = pytest.mark.timeout(600)  # two restarts of the server on a busy machine

PATIENCE = {"CCT_OPS_APPROVAL_MINUTES": "60"}
WATCHED = {"CCT_OPS_WATCH_SECONDS": "40"}
ASKING, LOOKING = Route.PRE_MARKET_BRIEFING, Route.END_OF_DAY_SUMMARY
ACTING, WATCHING = Route.DAILY_SUMMARY, Route.WEEKLY_ANALYSIS
HELD = {"CCT_OPS_REQUEST_TIMEOUT_SECONDS": "60"}
HELD_MS = 12_000.0

# Prefect's own limit, by a lease that is renewed every second instead of every 225.
LIMITED = """
import time
from pathlib import Path
from prefect import flow
from prefect.concurrency import _leases

_leases._RENEWAL_FRACTION = 1 / 300

@flow
def limited(folder: str) -> None:
    Path(folder, "began").touch()
    while not Path(folder, "go").exists():
        time.sleep(0.1)
"""


def test_a_server_that_is_killed_in_any_phase_of_a_run_changes_no_outcome(
    stack: Stack, tmp_path: Path
) -> None:
    stack.sandbox.reset(limits=False)
    for route in (ASKING, LOOKING, ACTING, WATCHING):
        stack.sandbox.roll_back(
            route, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10
        )
    runs: dict[str, UUID] = {}

    def start(phase: str, route: Route, mode: str, **env: str) -> UUID:
        runs[phase] = stack.start("auto-rollback", env, target=route.value, mode=mode)
        return runs[phase]

    asking = start("asking", ASKING, "approve", **PATIENCE)
    watching = start("watching", WATCHING, "auto", **WATCHED)
    waiting = waits(stack)
    runs["waiting"] = waiting
    lease = holds_a_lease(stack, tmp_path)
    eventually(lambda: question_of(stack, asking), seconds=120)
    eventually(lambda: bool(account.of_run(stack.engine, watching).actions), seconds=120)
    eventually((tmp_path / "began").exists, seconds=120)
    start("acting", ACTING, "auto", **HELD)
    held(stack, "/api/v1/canary/reset")
    start("looking", LOOKING, "auto", **HELD)
    held(stack, "/api/v1/canary/status")

    for _ in range(2):  # the later phases of the first runs are met by the second
        kill(stack.data, "prefect")
    stack.client.resume_flow_run(
        asking, run_input={"decision": "approve", "name": "Ada", "note": "Go."}
    )
    let_go(stack, "exemption-cleanup", paused=False)

    def ended() -> bool:
        return all(stack.state(run).is_final() for run in runs.values())

    eventually(ended, seconds=240)
    assert {phase: name(stack, run) for phase, run in runs.items()} == {
        "asking": "Resolved",
        "watching": "Resolved",
        "waiting": "Nothing to do",
        "acting": "Resolved",
        "looking": "Resolved",
    }
    for route in (ASKING, LOOKING, ACTING, WATCHING):
        assert changes_on(stack.sandbox, route) == 1, route
    assert stack.state(lease).is_running(), "its lease outlived the server"
    leases = stack.data / "prefect" / "concurrency_leases"
    assert list(leases.glob("*-*.json"))
    assert leases.stat().st_mode & 0o077 == 0, "nobody else reads them"
    (tmp_path / "go").touch()
    eventually(lambda: stack.state(lease).is_completed())


@pytest.mark.parametrize("pause_seconds", [0.0, 1.0])
def test_a_good_fix_outlives_the_ledger_and_the_server_that_die_right_after_it(
    stack: Stack, pause_seconds: float
) -> None:
    """They share one PostgreSQL: both are gone when the change has been made."""
    target = Route.INTRADAY_CHECK if pause_seconds else Route.WEEKLY_REVIEW
    stack.sandbox.reset(limits=False)
    stack.sandbox.roll_back(target, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    run = stack.start("auto-rollback", WATCHED, target=target.value, mode="auto")
    eventually(lambda: changes_on(stack.sandbox, target) == 1, seconds=120)
    eventually(elapsed(pause_seconds))

    kill(stack.data, "postgres", "prefect")

    eventually(lambda: stack.state(run).is_final(), seconds=240)
    assert name(stack, run) == "Resolved"
    assert changes_on(stack.sandbox, target) == 1, "nothing was undone"


def elapsed(seconds: float) -> Callable[[], bool]:
    """Say when so much time has passed, so that the kill meets another step of the run."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


def name(stack: Stack, run: UUID) -> str:
    """Return how a run ended, and why where it is not as it should be."""
    state: State[object] = stack.state(run)
    return str(state.name) if state.is_completed() else f"{state.name}: {state.message}"


def waits(stack: Stack) -> UUID:
    """Start a run that waits for its turn."""
    let_go(stack, "exemption-cleanup", paused=True)
    return stack.start("exemption-cleanup", mode="auto")


def let_go(stack: Stack, playbook: str, *, paused: bool) -> None:
    known = stack.client.read_deployment_by_name(f"{playbook}/{playbook}")
    stack.client.update_deployment(known.id, DeploymentUpdate(paused=paused))


def question_of(stack: Stack, run: UUID) -> bool:
    """Whether the run is suspended and its form was saved."""
    return is_suspended(stack.client, run) and question(stack.client, run) is not None


def held(stack: Stack, path: str) -> None:
    """Hold back the answer to the next request, and wait until somebody waits for it."""
    stack.sandbox.faults(Fault(path=path, latency_ms=HELD_MS, count=1))
    eventually(
        lambda: any(
            request.status is None and request.path == path for request in stack.sandbox.requests()
        ),
        seconds=120,
    )
    stack.sandbox.clear_faults()


def holds_a_lease(stack: Stack, folder: Path) -> UUID:
    """Start a run of a deployment with Prefect's own limit; it is none of our playbooks."""
    (folder / "limited.py").write_text(LIMITED)
    pull = {"prefect.deployments.steps.set_working_directory": {"directory": str(folder)}}
    deployment = stack.client.create_deployment(
        stack.client.create_flow_from_name("limited"),
        "limited",
        entrypoint="limited.py:limited",
        path=".",
        pull_steps=[pull],
        work_pool_name="cct-ops",
        concurrency_limit=1,
    )
    return stack.client.create_flow_run_from_deployment(
        deployment, parameters={"folder": str(folder)}
    ).id
