"""
The ends of runs of which people have not heard, so that nobody who was asked waits for a word.

A run says how it ended before it writes that down. Where Slack did not take it, a row says so, from
the same transaction as the account, until the word was said.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.clock import in_seconds
from cct_ops.ledger.gate.tables import approvals, run_leases
from cct_ops.ledger.people.tables import owed_ends
from cct_ops.ledger.record.tables import resolutions
from cct_ops.ledger.statements import Ledger, execute, find, scalar, scalars
from cct_ops.models.base import Frozen
from cct_ops.models.run import Outcome


class End(Frozen):
    """How a run ended."""

    run_id: UUID
    incident_id: UUID | None
    playbook: str
    target: str
    outcome: Outcome
    reason: str


def record(ledger: Ledger, run_id: UUID) -> None:
    """Note that people have not heard how the run ended."""
    execute(ledger, insert(owed_ends).values(run_id=run_id).on_conflict_do_nothing())


def forget(ledger: Ledger, run_id: UUID) -> bool:
    """Note that people have heard of it, or need not; false where nothing was owed."""
    return execute(ledger, sa.delete(owed_ends).where(owed_ends.c.run_id == run_id)) == 1


def listed(engine: sa.Engine, seconds: float = 0) -> list[UUID]:
    """Return the runs that ended so long ago without a word to people, oldest first."""
    wanted = sa.select(owed_ends.c.run_id).where(owed_ends.c.ended_at <= in_seconds(-seconds))
    return scalars(engine, wanted.order_by(owed_ends.c.ended_at))


def find_end(ledger: Ledger, run_id: UUID) -> End | None:
    """Return how a run ended."""
    return find(ledger, End, sa.select(resolutions).where(resolutions.c.run_id == run_id))


def is_awaited(ledger: Ledger, run_id: UUID) -> bool:
    """
    Say whether somebody waits for a word from this very run.

    It asked for a yes, or one did that died and whose place it took, through however many others;
    and none took its own.
    """
    line = sa.select(sa.literal(run_id).label("run_id")).cte("line", recursive=True)
    line = line.union(
        sa.select(run_leases.c.run_id).where(run_leases.c.successor_id == line.c.run_id)
    )
    asked = sa.exists().where(approvals.c.run_id == line.c.run_id)
    followed = sa.exists().where(
        run_leases.c.run_id == run_id, run_leases.c.successor_id.is_not(None)
    )
    return bool(scalar(ledger, sa.select(asked & ~followed)))


@contextmanager
def saying(engine: sa.Engine, run_id: UUID) -> Iterator[bool]:
    """
    Surround the word about a run's end; False if people had it already.

    It counts as said only if the block ends without an error. Of two who speak one does.
    """
    with engine.begin() as tx:
        yield forget(tx, run_id)
