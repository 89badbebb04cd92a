"""
One change at a time per target.

A lock is a row with an expiry and a fencing token. Tokens only grow, so whoever still believes in
a lock that was taken over is recognised at the next write by its older token.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.gate.tables import fencing_tokens, target_locks
from cct_ops.ledger.statements import execute, rows, scalar


def acquire(
    engine: sa.Engine, target: str, run_id: UUID, seconds: float, *, dead_run_id: UUID | None = None
) -> int | None:
    """
    Take the lock of ``target`` for ``seconds`` and return its fencing token.

    Returns None while another run holds it. A lock that expired is taken over, and so is one of
    this very run, which is what a run finds that was restarted after a crash. A run that was taken
    for dead loses its lock to whoever puts back its change, and once that is settled to anybody.
    """
    own = [run_id] if dead_run_id is None else [run_id, dead_run_id]
    offer = insert(target_locks).values(
        target=target,
        fencing_token=fencing_tokens.next_value(),
        run_id=run_id,
        expires_at=in_seconds(seconds),
    )
    # In words of SQL: SQLAlchemy does not correlate a subquery here, and one that is not would let
    # any lock be taken for as long as any dead run's lock is left anywhere.
    settled: sa.ColumnElement[bool] = sa.literal_column(
        "exists (select 1 from run_leases"
        " where run_leases.run_id = target_locks.run_id and run_leases.settled_at is not null)"
    )
    take = offer.on_conflict_do_update(
        index_elements=[target_locks.c.target],
        set_={
            "fencing_token": offer.excluded.fencing_token,
            "run_id": offer.excluded.run_id,
            "expires_at": offer.excluded.expires_at,
        },
        where=(target_locks.c.expires_at <= now()) | target_locks.c.run_id.in_(own) | settled,
    ).returning(target_locks.c.fencing_token)
    return scalar(engine, take)


def renew(engine: sa.Engine, target: str, token: int, seconds: float) -> bool:
    """Extend a lock that is still ours to ``seconds`` from now; False when it was taken over."""
    ours = sa.update(target_locks).where(*_ours(target, token))
    return execute(engine, ours.values(expires_at=in_seconds(seconds))) == 1


def release(engine: sa.Engine, target: str, token: int) -> None:
    """Give the lock back, if it is still ours."""
    execute(engine, sa.delete(target_locks).where(*_ours(target, token)), repeatable=True)


def _ours(target: str, token: int) -> tuple[sa.ColumnElement[bool], ...]:
    return target_locks.c.target == target, target_locks.c.fencing_token == token


def holder(engine: sa.Engine, target: str) -> tuple[UUID, datetime] | None:
    """Return which run holds the lock and until when, for people to see."""
    held = sa.select(target_locks.c.run_id, target_locks.c.expires_at).where(
        target_locks.c.target == target, target_locks.c.expires_at > now()
    )
    return next((tuple(row) for row in rows(engine, held)), None)
