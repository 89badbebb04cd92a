"""A run's process dies while its worker looks on: another run does its work."""

from __future__ import annotations

import os
import signal
from functools import partial
from uuid import UUID

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate import leases
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.ledger.record import account
from cct_ops.ledger.statements import scalars
from cct_ops.models.cct import Route
from cct_ops.models.run import Outcome
from cct_ops.sandbox.inputs import Fault
from tests.end_to_end.conftest import Stack, changes_on
from tests.end_to_end.held_runs import pull
from tests.end_to_end.test_traces import ABOVE, alerted, run_of
from tests.stack.polling import eventually

pytestmark = pytest.mark.timeout(400)  # a stack on a busy machine

TRACE = "1af7651916cd43dd8448eb211c80319c"
HELD = Fault(path="/api/v1/canary/status", latency_ms=240_000)
SIGNS = {Route.END_OF_DAY_SUMMARY: signal.SIGKILL, Route.INTRADAY_CHECK: signal.SIGTERM}


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
        # What others changed on these pages in this stack may have the gate hold it back.
        assert changes_on(stack.sandbox, route) <= 1


def replaced(stack: Stack, incident: UUID, dead: UUID) -> UUID:
    """Wait until another run has done the dead one's work."""
    eventually(lambda: at_work_on(stack, incident) != dead, seconds=180)
    successor = at_work_on(stack, incident)
    eventually(lambda: stack.state(successor).is_final(), seconds=180)
    return successor


def pid_of(stack: Stack, run: UUID) -> int:
    """The run's process; 0 before its worker has said so."""
    return int(stack.client.read_flow_run(run).infrastructure_pid or 0)


def at_work_on(stack: Stack, incident: UUID) -> UUID:
    """The run that the incident's work is left to."""
    wanted = sa.select(dispatches.c.flow_run_id).where(dispatches.c.incident_id == incident)
    (run_id,) = scalars(stack.engine, wanted)
    return UUID(str(run_id))
