"""From a sender's POST to the body of the first probe, and where the time goes in between."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.intake.tables import dispatches
from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome
from cct_ops.sandbox.control import SandboxControl
from evaluation.benchmarks.system import ROUTE, System, seconds_of


@dataclass(frozen=True)
class Steps:
    """Seconds since the POST at which each step was done; the last one is what counts."""

    answered: float
    created: float
    notified: float
    claimed: float
    running: float
    probing: float


def measure(system: System, count: int, *, first: int = 2) -> list[Steps]:
    """Send alerts one after the other, each when the run of the one before has ended."""
    sent = []
    for _ in range(first + count):
        posted = time.time()
        incident = system.alert()
        answered = time.time()
        time.sleep(1)  # nobody asks anything while it starts
        run = system.run_of(incident)
        system.ended(run)
        sent.append((posted, answered, run))
    return [steps(system, *each) for each in sent[first:]]


def first_actions(system: System, count: int) -> list[float]:
    """Have the canary repaired in auto mode; returns the seconds to the run's first change."""
    took = []
    with SandboxControl(system.urls["cct"]) as sandbox:
        for _ in range(count):
            sandbox.roll_back(
                ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10
            )
            posted = time.time()
            run = system.run_of(system.alert("Repair"))
            system.ended(run)
            known = account.of_run(system.ledger, run)
            if known.outcome is not Outcome.RESOLVED:
                raise RuntimeError(
                    f"The benchmark's repair ended as {known.outcome}: {known.reason}"
                )
            took.append(known.actions[0].intended_at.timestamp() - posted)
    return took


def steps(system: System, posted: float, answered: float, run: UUID) -> Steps:
    """Read a run's record."""
    states = system.api("GET", f"/flow_run_states/?flow_run_id={run}")
    at = {state["name"]: seconds_of(state["timestamp"]) for state in states}
    began = min(start for start, _ in system.probes(run))
    with system.ledger.connect() as connection:
        notified = connection.execute(
            sa.select(dispatches.c.finished_at).where(dispatches.c.flow_run_id == run)
        ).scalar_one()
    return Steps(
        answered=answered - posted,
        created=seconds_of(system.api("GET", f"/flow_runs/{run}")["created"]) - posted,
        notified=notified.timestamp() - posted,
        claimed=at["Pending"] - posted,
        running=at["Running"] - posted,
        probing=began - posted,
    )
