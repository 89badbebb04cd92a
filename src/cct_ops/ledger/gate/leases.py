"""
Signs of life: who works on a run, and who was taken for dead.

A run's process renews its lease for as long as it has CCT open or stands in the gate. A run whose
lease ended can be reaped, once: from then on the ledger gives it neither a lease nor a permit, so
a process that was only asleep finds itself locked out at its next step.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.beside import beside
from cct_ops.errors import NotPermitted
from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.gate.tables import actions, permits, run_leases, target_locks
from cct_ops.ledger.record.tables import resolutions
from cct_ops.ledger.statements import Ledger, execute, scalar, scalars
from cct_ops.models.run import Outcome

_log = logging.getLogger(__name__)

# A process may wait for the end of the lease of the one before it, and looks twice a second.
_HANDED_ON_SECONDS = 2.0

# Where the ledger's clock was ahead at the last sign of life, the lease is as long from now on.
_EXPIRES_AT = sa.case(
    (run_leases.c.shown_at > now(), now() + (run_leases.c.expires_at - run_leases.c.shown_at)),
    else_=run_leases.c.expires_at,
)

# When this process last extended the lease of a run that it works on.
_SHOWN: dict[UUID, float] = {}


@dataclass(frozen=True, slots=True)
class Lease:
    """A run that was taken for dead, and what has been done about it so far."""

    run_id: UUID
    attempt: int
    recoveries: int
    successor_id: UUID | None


def touch(ledger: Ledger, run_id: UUID, seconds: float) -> None:
    """
    Extend the run's lease to at least ``seconds`` from now.

    The lease's row stays locked until the transaction ends, so what the caller does in the same one
    cannot cross with the run being reaped. Raises ``NotPermitted`` when it was reaped already.
    """
    if not extend(ledger, run_id, seconds):
        raise NotPermitted(f"Run {run_id} was taken for dead, so it may not go on: start anew.")


def extend(
    ledger: Ledger,
    run_id: UUID,
    seconds: float,
    *which: sa.ColumnElement[bool],
    once: Mapping[str, object] = MappingProxyType({}),
    **values: object,
) -> bool:
    """
    Extend such a lease, or give a first one, with these values; false for any other.

    What is given ``once`` stays as it was first given.
    """
    given = {"expires_at": in_seconds(seconds), "shown_at": now(), **values, **once}
    offer = insert(run_leases).values(run_id=run_id, **given)
    expires_at = sa.func.greatest(_EXPIRES_AT, offer.excluded.expires_at)
    kept = {name: sa.func.coalesce(run_leases.c[name], offer.excluded[name]) for name in once}
    update = offer.on_conflict_do_update(
        index_elements=["run_id"],
        set_={"expires_at": expires_at, "shown_at": now(), **values, **kept},
        where=sa.and_(run_leases.c.reaped_at.is_(None), *which),
    )
    return execute(ledger, update) == 1


class Repeating(Protocol):
    """Does something beside its caller, again and again, until a block ends."""

    def __call__(
        self, seconds: float, renew: Callable[[], None], name: str
    ) -> AbstractContextManager[None]:
        """Call ``renew`` every so many seconds; ``name`` says what is renewed."""


@contextmanager
def repeating(seconds: float, renew: Callable[[], None], name: str) -> Iterator[None]:
    """Renew something every so many seconds, by a thread of its own, until the block ends."""

    def keep(over: threading.Event) -> None:
        while not over.wait(seconds):
            try:
                renew()
            except NotPermitted as error:
                _log.warning("%s", error)  # its next step is refused; nothing is left to renew
                return
            except sa.exc.SQLAlchemyError as error:
                _log.warning("The %s is not renewed: %s", name, type(error).__name__)

    with beside(keep, name):
        yield


def show(engine: sa.Engine, run_id: UUID, seconds: float) -> None:
    """
    Extend the run's lease, unless this process did so within a third of it: it lives then.

    Raises ``NotPermitted`` as ``touch`` does, so that whoever slept for longer finds out.
    """
    if time.monotonic() - _SHOWN.get(run_id, -math.inf) > seconds / 3:
        _renew(engine, run_id, seconds)


def _renew(engine: sa.Engine, run_id: UUID, seconds: float) -> None:
    at = time.monotonic()  # before it is extended: the lease lasts at least so long from here
    touch(engine, run_id, seconds)
    _SHOWN[run_id] = at


@contextmanager
def alive(
    engine: sa.Engine, run_id: UUID, seconds: float, repeat: Repeating = repeating
) -> Iterator[None]:
    """Renew the run's lease until the block ends."""
    renew = partial(_renew, engine, run_id, seconds)
    renew()
    with repeat(seconds / 3, renew, f"lease of {run_id}"):
        yield


def set_right(engine: sa.Engine) -> None:
    """
    Let no lease last longer because the ledger's clock was ahead when it was extended.

    Else whoever died since would be taken for alive for as long.
    """
    ahead = (run_leases.c.reaped_at.is_(None), run_leases.c.shown_at > now())
    execute(
        engine, sa.update(run_leases).where(*ahead).values(expires_at=_EXPIRES_AT, shown_at=now())
    )


def reap(engine: sa.Engine, run_id: UUID) -> bool:
    """
    Take the run for dead unless its lease still runs; whether it now is dead.

    One that a process holds can be handed on to the next one for a moment after its end. The run's
    open permits are closed in the same transaction.
    """
    offer = insert(run_leases).values(run_id=run_id, expires_at=now(), reaped_at=now())
    latest = sa.case((run_leases.c.holder.is_(None), now()), else_=in_seconds(-_HANDED_ON_SECONDS))
    dead = offer.on_conflict_do_update(
        index_elements=["run_id"],
        set_={"reaped_at": sa.func.coalesce(run_leases.c.reaped_at, now())},
        where=(run_leases.c.expires_at <= latest) | run_leases.c.reaped_at.is_not(None),
    )
    open_still = (permits.c.run_id == run_id, permits.c.closed_at.is_(None))
    with engine.begin() as tx:
        if execute(tx, dead) == 0:
            return False
        tx.execute(sa.update(permits).where(*open_still).values(closed_at=now()))
    return True


def reaped_at(ledger: Ledger, run_id: UUID) -> datetime | None:
    """Return when the run was taken for dead; None if it was not."""
    return scalar(ledger, sa.select(run_leases.c.reaped_at).where(run_leases.c.run_id == run_id))


def is_reaped(engine: sa.Engine, run_id: UUID) -> bool:
    """Say whether the run was taken for dead."""
    return reaped_at(engine, run_id) is not None


def is_settled(engine: sa.Engine, run_id: UUID) -> bool:
    """Say whether it was taken for dead, and nothing more is to be done about it."""
    settled = sa.select(run_leases.c.run_id).where(
        run_leases.c.run_id == run_id, run_leases.c.settled_at.is_not(None)
    )
    return scalar(engine, settled) is not None


def seconds_over(engine: sa.Engine, run_id: UUID) -> float | None:
    """Return since when the run's lease is over, less than 0 while it lasts; None without one."""
    over = sa.extract("epoch", now() - run_leases.c.expires_at)
    found = scalar(engine, sa.select(over).where(run_leases.c.run_id == run_id))
    return None if found is None else float(found)


def unfinished(engine: sa.Engine) -> list[UUID]:
    """
    Return the runs that show no sign of life and left something behind.

    That is a change without an account of it, an open permit, or the lock of a target. A run that
    waits for approval leaves none of these.
    """
    this_run = run_leases.c.run_id
    began = _has_change(this_run)
    ended = sa.exists().where(resolutions.c.run_id == this_run)
    open_permit = sa.exists().where(permits.c.run_id == this_run, permits.c.closed_at.is_(None))
    lock = sa.exists().where(target_locks.c.run_id == this_run)
    silent = (run_leases.c.reaped_at.is_(None), run_leases.c.expires_at <= now())
    left = (began & ~ended) | open_permit | lock
    return scalars(engine, sa.select(this_run).where(*silent, left))


def in_doubt(engine: sa.Engine, seconds: float) -> list[UUID]:
    """Return the runs that ended so long ago unverified, with a change that no look has shown."""
    this_run = resolutions.c.run_id
    unseen = _has_change(this_run, actions.c.state.in_(("intended", "without effect")))
    ended = sa.select(this_run).join(run_leases, run_leases.c.run_id == this_run)
    return scalars(
        engine,
        ended.where(
            resolutions.c.outcome == Outcome.UNVERIFIED,
            resolutions.c.finished_at <= in_seconds(-seconds),
            run_leases.c.settled_at.is_(None),
            unseen,
        ),
    )


def unsettled(engine: sa.Engine) -> list[UUID]:
    """Return the runs that were taken for dead and about which not everything was done yet."""
    found = sa.select(run_leases.c.run_id).where(
        run_leases.c.reaped_at.is_not(None), run_leases.c.settled_at.is_(None)
    )
    return scalars(engine, found.order_by(run_leases.c.reaped_at))


@contextmanager
def claim(engine: sa.Engine, run_id: UUID) -> Iterator[tuple[sa.Connection, Lease] | None]:
    """Hold an unsettled run for this caller alone; None while another has it, or when settled."""
    with engine.begin() as tx:
        row = tx.execute(
            sa.select(*(run_leases.c[each.name] for each in fields(Lease)))
            .where(run_leases.c.run_id == run_id, run_leases.c.settled_at.is_(None))
            .with_for_update(skip_locked=True)
        ).one_or_none()
        yield None if row is None else (tx, Lease(*row))


def record_successor(tx: sa.Connection, dead: Lease, successor_id: UUID, *, recovery: bool) -> None:
    """Note which run puts the dead one's change back, or does its work anew."""
    tx.execute(
        sa.update(run_leases)
        .where(run_leases.c.run_id == dead.run_id)
        .values(successor_id=successor_id, recoveries=dead.recoveries + int(recovery))
    )
    if not recovery:
        # The count goes on in the replacement's own row; an expired lease reaps nobody by itself.
        counted = {"attempt": dead.attempt + 1}
        offer = insert(run_leases).values(run_id=successor_id, expires_at=now(), **counted)
        tx.execute(offer.on_conflict_do_update(index_elements=["run_id"], set_=counted))


def settle(tx: sa.Connection, run_id: UUID) -> None:
    """Note that nothing more is to be done about a dead run."""
    tx.execute(sa.update(run_leases).where(run_leases.c.run_id == run_id).values(settled_at=now()))


def _has_change(
    run_id: sa.Column[UUID], *conditions: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    """Say of the run in ``run_id``, a column outside, whether it has begun such a change."""
    return (
        sa.exists()
        .where(
            permits.c.run_id == run_id,
            permits.c.kind == "change",
            actions.c.permit_id == permits.c.id,
            *conditions,
        )
        .correlate(run_id.table)
    )
