"""
Runs that are over in Prefect and of whose end the ledger knows nothing.

The ledger was away when they wanted to write it down, or nothing of ours ran when they ended. Each
is kept here until somebody has accounted for it, so that the look at Prefect goes on from where it
was, and need not look at what is long over.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.clock import in_seconds
from cct_ops.ledger.gate import leases
from cct_ops.ledger.gate.approvals import ApprovalState
from cct_ops.ledger.gate.owed_tables import ends_looked_at, owed_accounts
from cct_ops.ledger.gate.tables import approvals, run_leases
from cct_ops.ledger.record.tables import resolutions
from cct_ops.ledger.statements import execute, scalar, scalars

_PREFECT = "Prefect"
_WEEK_SECONDS = 7 * 24 * 3600.0


def looked_until(engine: sa.Engine) -> datetime | None:
    """Return up to when the ends of runs were looked at, by Prefect's clock; None if never."""
    wanted = ends_looked_at.c.part == _PREFECT
    return scalar(engine, sa.select(ends_looked_at.c.until).where(wanted))


def record(
    engine: sa.Engine, ended: Collection[UUID], refused: Collection[UUID], until: datetime
) -> int:
    """
    Keep those of the runs that lack an account, and that all ends up to ``until`` were looked at.

    One that was ``refused`` before it began owes none, unless an attempt at it had begun before.
    Returns how many are new.
    """
    with engine.begin() as tx:
        begun = set(_chosen(tx, run_leases.c.run_id, refused))
        wanted = {*ended, *begun}
        settled = _chosen(tx, run_leases.c.run_id, wanted, run_leases.c.settled_at.is_not(None))
        known = _chosen(tx, resolutions.c.run_id, wanted)
        lacking = sorted(wanted - {*settled, *known})
        new = 0
        if lacking:
            rows = [{"run_id": run_id} for run_id in lacking]
            new = execute(tx, insert(owed_accounts).values(rows).on_conflict_do_nothing())
        offer = insert(ends_looked_at).values(part=_PREFECT, until=until)
        further = sa.func.greatest(ends_looked_at.c.until, offer.excluded.until)
        tx.execute(offer.on_conflict_do_update(index_elements=["part"], set_={"until": further}))
    return new


def leave(engine: sa.Engine, run_id: UUID) -> None:
    """Keep a run that says itself that others are to account for it: it is due at once."""
    offer = insert(owed_accounts).values(run_id=run_id, found_at=sa.func.to_timestamp(0))
    execute(engine, offer.on_conflict_do_nothing())


def due(engine: sa.Engine, seconds: float) -> list[UUID]:
    """Return the runs that were found so long ago and have no account yet."""
    accounted = sa.exists().where(resolutions.c.run_id == owed_accounts.c.run_id)
    execute(engine, sa.delete(owed_accounts).where(accounted))
    found = sa.select(owed_accounts.c.run_id).where(
        owed_accounts.c.found_at <= in_seconds(-seconds)
    )
    return scalars(engine, found.order_by(owed_accounts.c.found_at))


def left_suspended(engine: sa.Engine, seconds: float) -> list[UUID]:
    """
    Return the runs that ended what they asked for so long ago, and gave no account since.

    Such a run may have been suspended just then, where nobody would look for it any more. Prefect
    ends it by itself after a week.
    """
    this_run, other = approvals.c.run_id, approvals.alias()
    asks_still = sa.exists().where(other.c.run_id == this_run, other.c.settled_at.is_(None))
    ended = sa.select(this_run).where(
        approvals.c.state == ApprovalState.VOID,
        approvals.c.settled_at.between(in_seconds(-_WEEK_SECONDS), in_seconds(-seconds)),
        ~asks_still,
        ~sa.exists().where(resolutions.c.run_id == this_run),
    )
    return scalars(engine, ended.distinct())


def take(engine: sa.Engine, run_id: UUID) -> bool:
    """
    Lock the run out and leave it to whoever settles dead ones; False while its process lives.

    Then it may yet give its account itself, whatever Prefect was made to say of it.
    """
    if not leases.reap(engine, run_id):
        return False
    execute(engine, sa.delete(owed_accounts).where(owed_accounts.c.run_id == run_id))
    return True


def _chosen(
    tx: sa.Connection,
    column: sa.Column[UUID],
    ids: Collection[UUID],
    *which: sa.ColumnElement[bool],
) -> list[UUID]:
    return scalars(tx, sa.select(column).where(column.in_(list(ids)), *which)) if ids else []
