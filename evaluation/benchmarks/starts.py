"""What happens between a sender's POST and the first GET, or the first write, at CCT."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.intake.tables import dispatches
from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome
from cct_ops.sandbox.control import SandboxControl
from evaluation.benchmarks.sides import ROUTE, Timed
from evaluation.benchmarks.system import System, incident_of, seconds_of


@dataclass(frozen=True)
class Steps:
    """Seconds since the POST at which each step was done; the last one is what counts."""

    answered: float
    created: float
    notified: float
    claimed: float
    running: float
    probing: float
    arrived: float


def first_writes(system: System, count: int) -> list[float]:
    """Have the canary repaired in auto mode; returns the seconds to the run's first change."""
    took = []
    side = system.side("repair")
    with SandboxControl(system.urls["cct"]) as sandbox:
        for _ in range(count):
            sandbox.roll_back(
                ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10
            )
            timed = side.alone(system.http, "Repair", writes=True)
            known = account.of_run(system.ledger, system.run_of(incident_of(timed.answer)))
            if known.outcome is not Outcome.RESOLVED:
                raise RuntimeError(
                    f"The benchmark's repair ended as {known.outcome}: {known.reason}"
                )
            took.append(timed.seconds)
    return took


def steps(system: System, timed: Timed) -> Steps:
    """Read the record of the run that an alert has started."""
    run = system.run_of(incident_of(timed.answer))
    posted = on_the_wall(timed.posted)
    at = states(system, run)
    with system.ledger.connect() as connection:
        notified = connection.execute(
            sa.select(dispatches.c.finished_at).where(dispatches.c.flow_run_id == run)
        ).scalar_one()
    return Steps(
        answered=timed.answered - timed.posted,
        created=seconds_of(system.api("GET", f"/flow_runs/{run}")["created"]) - posted,
        notified=notified.timestamp() - posted,
        claimed=at["Pending"] - posted,
        running=at["Running"] - posted,
        probing=min(start for start, _ in system.probes(run)) - posted,
        arrived=timed.seconds,
    )


def states(system: System, run: UUID) -> dict[str, float]:
    """Return when a run came into each of its states."""
    found = system.api("GET", f"/flow_run_states/?flow_run_id={run}")
    return {state["name"]: seconds_of(state["timestamp"]) for state in found}


def on_the_wall(monotonic: float) -> float:
    """Return a time of ``time.monotonic`` as seconds since 1970, as records have them."""
    return time.time() - time.monotonic() + monotonic
