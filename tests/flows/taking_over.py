"""How tests take a run over that works in a child process, and see that it has stopped."""

from __future__ import annotations

import sys
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger import clock
from cct_ops.ledger.gate import run_progress, takeovers
from cct_ops.ledger.gate.tables import requests, run_leases
from cct_ops.ledger.gate.takeovers import Wish
from cct_ops.models.takeover import Choice, Phase, Takeover
from cct_ops.sandbox.control import SandboxControl
from tests.flows.test_recover import dead_run
from tests.stack.polling import eventually

# What the run would do for so long, if nobody took it over.
LONG = {"CCT_OPS_WATCH_SECONDS": "600", "CCT_OPS_LOCK_WAIT_SECONDS": "600"}
RESET, DISABLE = "reset", "disable"


def take_over(engine: sa.Engine, run_id: UUID, choice: Choice, person: str = "Ada") -> Takeover:
    """Take the run over as the board does."""
    wish = Wish(
        choice=choice,
        person=person,
        proof="signed in on the board",
        signature=f"{person}, signed in on the board",
        reason="the release is broken",
        held_until=clock.read(engine) + timedelta(hours=4),
    )
    return takeovers.record(engine, run_id, wish)[0]


def phase(engine: sa.Engine) -> Phase | None:
    """What the one run is at."""
    with engine.connect() as connection:
        run_id = connection.execute(sa.select(run_leases.c.run_id)).scalar()
        found = run_progress.read(connection, run_id) if run_id else None
    return found.phase if found else None


def stopped(engine: sa.Engine, run_id: UUID, what: str) -> float:
    """Wait until the run has stopped; print and return how long that took."""

    def seconds() -> float | None:
        taken = takeovers.of_run(engine, run_id)
        at = taken.stopped_at if taken else None
        return (at - taken.at).total_seconds() if taken and at else None

    eventually(lambda: seconds() is not None, seconds=60)
    took = seconds()
    assert took is not None
    sys.stdout.write(f"\n{what}: stopped {took:.2f} s after the word\n")
    return took


def writes(sandbox: SandboxControl) -> list[str]:
    """What was changed in CCT, by the last part of each path."""
    return [each.path.rpartition("/")[2] for each in sandbox.writes()]


def begun(engine: sa.Engine, at: Phase) -> UUID:
    """Wait until the one run is there; returns its id."""
    eventually(lambda: phase(engine) is at, seconds=60)
    return dead_run(engine)


def asked_cct(engine: sa.Engine) -> bool:
    """Whether a request to CCT was let through."""
    with engine.connect() as connection:
        return connection.scalar(sa.select(requests.c.id).limit(1)) is not None
