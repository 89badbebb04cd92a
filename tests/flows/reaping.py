"""A run died: the reapers find it, and a worker picks up the recovery that they start."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from prefect.client.schemas.objects import State

from cct_ops.controller.crashed_runs import Reaper
from cct_ops.ledger.gate.tables import run_leases
from cct_ops.people.notifier import Notifier
from flows.recover import recover
from tasks.connections import settings
from tests.flows.run_assertions import final
from tests.flows.upkeep import run_of
from tests.stack.polling import eventually


def reap(engine: sa.Engine, run_id: UUID, *, but: UUID | None = None) -> UUID | None:
    """
    Sweep with two reapers at once until the dead run is dealt with; whoever recovers it.

    ``but`` is a recovery that died as well, of which nothing more is expected.
    """
    reaper = Reaper(
        engine,
        Notifier.of(engine, settings()),
        settings().policy_path,
        start_seconds=300,
        recovery_pause_seconds=0,
        doubt_seconds=0,
    )

    def dealt_with() -> bool:
        with ThreadPoolExecutor(2) as pool:
            for sweep in [pool.submit(copy_context().run, reaper) for _ in range(2)]:
                sweep.result()
        row = _lease(engine, run_id)
        return row.settled_at is not None or row.successor_id not in {None, but}

    eventually(dealt_with)  # once its lease is over
    successor: UUID | None = _lease(engine, run_id).successor_id
    return successor


def recovery_of(engine: sa.Engine, run_id: UUID) -> State[Any]:
    """Be the worker that picks up the recovery of a dead run, with the parameters it was given."""
    given = run_of(reap(engine, run_id)).parameters
    assert given == {"run_id": str(run_id)}
    return final(recover, UUID(given["run_id"]))


def _lease(engine: sa.Engine, run_id: UUID) -> sa.Row[Any]:
    with engine.connect() as connection:
        return connection.execute(sa.select(run_leases).where(run_leases.c.run_id == run_id)).one()
