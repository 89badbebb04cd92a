"""A run's process dies while its worker looks on: another run does its work."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from uuid import UUID

import pytest

from cct_ops.ledger.gate import leases
from cct_ops.ledger.record import account
from cct_ops.models.cct import Route
from cct_ops.models.run import Outcome
from cct_ops.sandbox.inputs import Fault
from tests.end_to_end.conftest import Stack, a_stack, changes_on
from tests.end_to_end.held_runs import pull
from tests.end_to_end.test_traces import ABOVE, alerted, run_of
from tests.stack.polling import eventually

pytestmark = pytest.mark.timeout(400)  # a stack on a busy machine

TRACE = "1af7651916cd43dd8448eb211c80319c"
HELD = Fault(path="/api/v1/canary/status", latency_ms=240_000)
SIGNS = {Route.END_OF_DAY_SUMMARY: signal.SIGKILL, Route.INTRADAY_CHECK: signal.SIGTERM}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of their own: what others changed on these pages would have the gate hold back."""
    soon = {"CCT_OPS_LEASE_SECONDS": "20"}  # after that nobody takes the dead for alive
    with a_stack(tmp_path_factory.mktemp("deaths"), soon) as made:
        yield made


def test_one_that_dies_while_it_only_looks_is_replaced(stack: Stack) -> None:
    """Its incident is open still, and nobody is called for what software can do again."""
    stack.sandbox.reset(limits=False)
    for route in SIGNS:
        pull(stack.sandbox, route)
    stack.sandbox.faults(HELD)
    incidents = {route: alerted(stack, route, f"00-{TRACE}-{ABOVE}-01") for route in SIGNS}
    dead = {route: run_of(stack, incident) for route, incident in incidents.items()}
    for route, run in dead.items():
        eventually(partial(leases.seconds_over, stack.engine, run), seconds=120)
        eventually(partial(pid_of, stack, run))
        os.kill(pid_of(stack, run), SIGNS[route])
    eventually(lambda: all(stack.state(run).is_crashed() for run in dead.values()), seconds=60)
    stack.sandbox.clear_faults()

    for route, run in dead.items():
        successor = replaced(stack, incidents[route], run)
        known = account.of_run(stack.engine, run)
        assert known.outcome is Outcome.FAILED
        assert f"had changed anything: run {successor} replaces it" in (known.reason or "")
        assert stack.state(successor).name == Outcome.RESOLVED
        assert changes_on(stack.sandbox, route) == 1


def replaced(stack: Stack, incident: UUID, dead: UUID) -> UUID:
    """Wait until another run has done the dead one's work."""
    eventually(lambda: run_of(stack, incident) != dead, seconds=180)
    successor = run_of(stack, incident)
    eventually(lambda: stack.state(successor).is_final(), seconds=180)
    return successor


def pid_of(stack: Stack, run: UUID) -> int:
    """The run's process; 0 before its worker has said so."""
    return int(stack.client.read_flow_run(run).infrastructure_pid or 0)
