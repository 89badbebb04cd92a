"""How far each stream of audit events is: what is due, who sends it, and how much it is behind."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.record import log
from cct_ops.ledger.record.log import Leaf
from cct_ops.ledger.record.log_tables import log_leaves
from cct_ops.ledger.record.stream_tables import audit_refusals, audit_streams
from cct_ops.ledger.set_aside import plain
from cct_ops.ledger.statements import Ledger, execute, read, rows, scalar, scalars, within
from cct_ops.models.base import Frozen

_LONGEST_REASON = 500

# What tells that a sender's machine is gone, so that its lock is free soon and not in two hours.
_LOCK = sa.text("""
    select pg_try_advisory_lock(cast(:space as integer), hashtext(:name))
    from (select set_config('tcp_keepalives_idle', '20', false),
        set_config('tcp_keepalives_interval', '10', false),
        set_config('tcp_keepalives_count', '3', false)) as heard
""")
_UNLOCK = sa.text("select pg_advisory_unlock(cast(:space as integer), hashtext(:name))")
_SPACE = 0x0CC7_51E

_PROGRESS = sa.text("""
    with sized as (select coalesce(max(position) + 1, 0) as size from log_leaves),
        queued as (select count(*) as entries, min(at) as oldest from log_queue)
    select s.*, sized.size - s.position + queued.entries as behind_events,
        case when first.at is null then 0
            else extract(epoch from clock_timestamp() - greatest(s.added_at, first.at)) end
            as behind_seconds,
        s.position < sized.size and s.next_attempt_at <= clock_timestamp() as due,
        (select count(*) from audit_refusals r where r.stream = s.name) as refused
    from audit_streams s cross join sized cross join queued
    left join log_leaves l on l.position = s.position cross join lateral (select coalesce(
        cast(cast(l.leaf as json) ->> 'at' as timestamptz), queued.oldest)) as first(at)
    where s.retired_at is null or :retired
    order by s.name
""")


class Progress(Frozen):
    """
    How far a stream is: all leaves before ``position`` were taken.

    ``behind_events`` counts also what is no leaf yet, and ``behind_seconds`` is for how long the
    first of them waits for the stream, which may begin with what is old (``added_at``). One that is
    ``due`` has leaves to send and need not wait. ``refused`` are the events that the receiver would
    never take.
    """

    name: str
    position: int
    behind_events: int
    behind_seconds: float
    due: bool
    refused: int
    failures: int
    last_error: str | None
    added_at: datetime
    sent_at: datetime | None
    failed_at: datetime | None
    next_attempt_at: datetime
    notified_at: datetime | None
    retired_at: datetime | None


class Refusal(Frozen):
    """One event that a receiver would not take, and its words."""

    stream: str
    position: int
    reason: str
    refused_at: datetime


def progress(ledger: Ledger, *, retired: bool = False) -> list[Progress]:
    """Return how far each stream is; with those that policy no longer names where asked for."""
    asked = {"retired": retired}
    found = within(ledger, lambda tx: tx.execute(_PROGRESS, asked).all(), repeatable=True)
    return [Progress.model_validate(row, from_attributes=True) for row in found]


def record_named(engine: sa.Engine, named: Mapping[str, bool]) -> None:
    """
    Note which streams policy names.

    One that is new begins at the start of the log where that is True, and else behind its last
    leaf; one that was named before goes on from where it was.
    """
    streams, retired = audit_streams.c, audit_streams.c.retired_at.is_not(None)
    with engine.begin() as tx:
        known, size = set(scalars(tx, sa.select(streams.name))), log.size(tx)
        for name in named.keys() - known:
            begins = 0 if named[name] else size
            new = insert(audit_streams).values(name=name, position=begins)
            tx.execute(new.on_conflict_do_nothing())
        again = sa.update(audit_streams).where(streams.name.in_(named), retired)
        anew = {"added_at": now(), "failures": 0, "next_attempt_at": now()}
        tx.execute(again.values(retired_at=None, **anew))
        gone = sa.update(audit_streams).where(streams.name.not_in(named), ~retired)
        tx.execute(gone.values(retired_at=now(), notified_at=None))


def send_again(engine: sa.Engine, name: str, position: int) -> int | None:
    """
    Let a stream go back to this leaf, at once; returns where it was.

    None, and nothing is changed, where there is no such stream or it has not come so far.
    """
    mine = (audit_streams.c.name == name, audit_streams.c.position >= position)
    with engine.begin() as tx:
        was = scalar(tx, sa.select(audit_streams.c.position).where(*mine).with_for_update())
        if was is not None:
            # one that people know to be behind is so until it has caught up
            told = audit_streams.c.notified_at.is_not(None)
            since = sa.case((told, audit_streams.c.added_at), else_=now())
            anew = {"position": position, "failures": 0, "next_attempt_at": now()}
            tx.execute(sa.update(audit_streams).where(*mine).values(added_at=since, **anew))
        return was


def refusals(ledger: Ledger, name: str) -> list[Refusal]:
    """Return what a stream's receiver would not take, in the order of the log."""
    wanted = sa.select(audit_refusals).where(audit_refusals.c.stream == name)
    return read(ledger, Refusal, wanted.order_by(audit_refusals.c.position))


@contextmanager
def unnotified(engine: sa.Engine) -> Iterator[list[Refusal]]:
    """
    Yield the refusals that were not reported to people; of two who ask, one gets them.

    They count as reported only if the block ends without an error.
    """
    news = audit_refusals.c.notified_at.is_(None)
    wanted = sa.select(audit_refusals).where(news).order_by(audit_refusals.c.position)
    with engine.begin() as tx:
        found = read(tx, Refusal, wanted.with_for_update(skip_locked=True))
        yield found
        for each in found:
            reported = sa.update(audit_refusals).where(*_at(each.stream, each.position))
            tx.execute(reported.values(notified_at=now()))


@contextmanager
def turned(engine: sa.Engine, name: str, *, behind: bool) -> Iterator[bool]:
    """
    Surround the notice that a stream is behind, or no longer is; False if people had it already.

    It counts as sent only if the block ends without an error. Of two senders one sends.
    """
    told = audit_streams.c.notified_at
    which = audit_streams.c.name == name, told.is_(None) if behind else told.is_not(None)
    with engine.begin() as tx:
        mark = sa.update(audit_streams).where(*which)
        yield execute(tx, mark.values(notified_at=now() if behind else None)) == 1


@contextmanager
def sending(engine: sa.Engine, name: str) -> Iterator[Cursor | None]:
    """
    Become the only one who sends a stream; None if another process does.

    The lock belongs to the connection on which the cursor is moved: whoever loses it moves nothing,
    and a process that was killed has lost it at once.
    """
    who = {"space": _SPACE, "name": name}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(_LOCK, who).scalar_one():
            yield None
            return
        try:
            yield Cursor(connection, name)
        finally:
            _unlock(connection, who)


def _unlock(connection: sa.Connection, who: dict[str, object]) -> None:
    """Let go of the lock; a connection that may still have it is used for nothing else."""
    if connection.invalidated:
        return
    try:
        connection.execute(_UNLOCK, who)
    except sa.exc.SQLAlchemyError:
        connection.invalidate()


class Cursor:
    """Where a stream is, in the hands of the one who sends it."""

    def __init__(self, connection: sa.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self.position = self._read()

    @property
    def connection(self) -> sa.Connection:
        """The connection that holds the lock."""
        return self._connection

    def leaves(self, most: int) -> list[Leaf]:
        """Return the next leaves, in order, without a gap."""
        ordered = sa.select(log_leaves).where(log_leaves.c.position >= self.position)
        found = rows(self._connection, ordered.order_by(log_leaves.c.position).limit(most))
        return [Leaf(*row) for row in found]

    def move(self, taken: int) -> bool:
        """Note that so many more were taken; False if somebody has set it back meanwhile."""
        ends = self.position + taken
        well = {"failures": 0, "last_error": None, "failed_at": None, "sent_at": now()}
        moved = execute(self._connection, self._mine().values(position=ends, **well)) == 1
        accepted = sa.delete(audit_refusals).where(
            audit_refusals.c.stream == self._name,
            audit_refusals.c.position >= self.position,
            audit_refusals.c.position < ends,
        )
        if moved:
            self._connection.execute(accepted)
        self.position = ends if moved else self._read()
        return moved

    def move_past(self, reason: str) -> bool:
        """Note that the next one was refused for ever; False as for ``move``."""
        said = plain(reason)[:_LONGEST_REASON]
        key = {"stream": self._name, "position": self.position}
        refused = insert(audit_refusals).values(**key, reason=said)
        known = refused.on_conflict_do_update(index_elements=list(key), set_={"reason": said})
        # written before the cursor moves: a kill in between sends the notice again, and loses none
        self._connection.execute(known)
        moved = self._mine().values(position=self.position + 1, failures=0, sent_at=now())
        done = execute(self._connection, moved) == 1
        self.position = self._read()
        return done

    def failures(self) -> int:
        """Return how often in a row sending has failed."""
        mine = sa.select(audit_streams.c.failures).where(audit_streams.c.name == self._name)
        return scalar(self._connection, mine) or 0

    def mark_failed(self, reason: str, pause_seconds: float) -> None:
        """Note that sending failed, and when it is tried again."""
        failed = {
            "failures": audit_streams.c.failures + 1,
            "last_error": plain(reason)[:_LONGEST_REASON],
            "failed_at": now(),
            "next_attempt_at": in_seconds(pause_seconds),
        }
        execute(self._connection, self._mine().values(failed))

    def _mine(self) -> sa.Update:
        streams = audit_streams.c
        where = streams.name == self._name, streams.position == self.position
        return sa.update(audit_streams).where(*where)

    def _read(self) -> int:
        mine = sa.select(audit_streams.c.position).where(audit_streams.c.name == self._name)
        return scalar(self._connection, mine) or 0


def _at(stream: str, position: int) -> Collection[sa.ColumnElement[bool]]:
    return audit_refusals.c.stream == stream, audit_refusals.c.position == position
