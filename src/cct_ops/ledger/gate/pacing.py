"""
One budget of requests per CCT, shared by all runs on all machines.

CCT counts requests in a sliding 60 s per address. A slot is therefore held from before a request
leaves until 60 s after its answer came, so that our count is never below CCT's. Reads leave some
slots free for changes and undos.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops import interrupts
from cct_ops.clients.pacing import Answer
from cct_ops.errors import LedgerAway, Unavailable
from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.engine import at_once, patience_seconds
from cct_ops.ledger.gate.tables import request_pauses
from cct_ops.ledger.statements import execute, within

# CCT's window, and a margin for the two clocks and for CCT counting inclusively.
WINDOW_SECONDS = 60.5
# While a slot is in use; a process that died in a request gives its slot back after this.
IN_USE_SECONDS = 90.0
POLL_SECONDS = 0.2
# A slot in use may end sooner than its expiry says, and a pause may be longer: look again then.
LOOK_SECONDS = 5.0
KEEP_SECONDS = 3600.0
# A longer pause is no limit that refills but a lock (900 s): nobody waits for its end to read.
LONGEST_PAUSE_SECONDS = 90.0
# An answer that came ahead of its run is worth no more than this: runs may wait long to begin.
AHEAD_SECONDS = 60.0

# Every read and every change passes through these, in processes that are new: as plain SQL none of
# them has to be compiled first, and each is one round trip.
_LOCK = sa.text("""
    select pg_try_advisory_xact_lock(hashtextextended(:name, 0)), clock_timestamp(),
           -- its transaction idles for one request; who sleeps for longer loses the lock
           set_config('idle_in_transaction_session_timeout', :idle, true)
""")
_TAKE = sa.text("""
    with ahead as (
        -- a clock that was ahead makes what is old look new, for as long as it was ahead
        delete from readings
        where cct = :cct and key = :key and began_at > statement_timestamp()
    ), found as (
        select * from readings
        where cct = :cct and key = :key and began_at >= :since
              and began_at <= statement_timestamp()
              and (not :ahead or status < 500 and status <> 429
                                 and began_at > statement_timestamp() - :oldest)
    ), noted as (
        insert into run_reads (run_id, cct, key, began_at, own)
        select cast(:run_id as uuid), cct, key, began_at, false from found
        where cast(:run_id as uuid) is not null
    )
    select status, headers, body from found
""")
_KEEP = sa.text("""
    with noted as (
        insert into run_reads (run_id, cct, key, began_at, own)
        select cast(:run_id as uuid), :cct, :key, :began_at, true
        where cast(:run_id as uuid) is not null
    ), ended as (
        update requests set expires_at = clock_timestamp() + :window where id = :slot
    )
    insert into readings (cct, key, began_at, status, headers, body)
    values (:cct, :key, :began_at, :status, cast(:headers as jsonb), :body)
    on conflict (cct, key) do update
    set began_at = excluded.began_at, status = excluded.status, headers = excluded.headers,
        body = excluded.body
""")
_END = sa.text("update requests set expires_at = clock_timestamp() + :window where id = :slot")
_ONE_AT_A_TIME = sa.text("select pg_advisory_xact_lock(hashtext(:cct))")
# In a statement of its own, so that it sees what whoever held the lock has taken.
_SLOT = sa.text("""
    with pause as (
        select extract(epoch from until - statement_timestamp()) as seconds from request_pauses
        where cct = :cct and until > statement_timestamp() and set_at <= statement_timestamp()
    ), live as (
        -- what lasts for longer than any request is from a clock that was ahead
        select expires_at from requests where cct = :cct and expires_at > statement_timestamp()
               and expires_at <= statement_timestamp() + :in_use
    ), forgotten as (
        delete from requests where cct = :cct and expires_at < statement_timestamp() - :kept
    ), granted as (
        insert into requests (cct, write, run_id, expires_at)
        select :cct, :write, cast(:run_id as uuid), clock_timestamp() + :in_use
        where not exists (select from pause) and (select count(*) from live) < :limit
        returning id, granted_at
    )
    select (select seconds from pause),
           (select extract(epoch from expires_at - statement_timestamp()) from live
            order by expires_at
            offset greatest((select count(*) from live) - :limit, 0) limit 1),
           id, granted_at
    from (select) as always left join granted on true
""")


class Slot(NamedTuple):
    """A place in the budget, and the moment at which it was granted."""

    id: int
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class LedgerPacer:
    """
    Paces one run's requests to the CCT at ``cct`` (its base URL) through the ledger.

    With ``confirming`` its reads show whether changes took effect: they may use half of what other
    reads leave free for changes. With ``since`` a good answer to a read that began after then, and
    within the last minute, will do. With ``spare`` its reads are ahead of anybody's need: they use
    half of what reads may use, and wait for nothing.
    """

    engine: sa.Engine
    cct: str
    limit: int
    kept_for_writes: int
    run_id: UUID | None = None
    confirming: bool = False
    since: datetime | None = None
    spare: bool = False

    @contextmanager
    def write_slot(self) -> Iterator[None]:
        """Wait until a change may leave."""
        while isinstance(granted := self._try(write=True), float):
            interrupts.sleep(granted)
        try:
            yield
        finally:
            self._end(granted)

    def read(self, key: str, send: Callable[[], Answer]) -> Answer:
        """
        Return an answer to a read that began after this call, sent by this run or by another.

        Runs that ask for the same thing at the same time cost CCT one request. The advisory lock
        ends with its connection, so a run that dies in the middle holds nobody up; nobody keeps it
        while waiting for a slot, which may take longer than a transaction may idle.

        Whoever is patient with a ledger that goes away in the middle reads again. Raises
        ``LedgerAway`` for others: a read is repeatable.
        """
        until = time.monotonic() + patience_seconds()
        while True:
            interrupts.check()
            try:
                return self._ahead(key) or self._read(key, send)
            except sa.exc.OperationalError as error:
                if error.connection_invalidated and time.monotonic() < until:
                    continue
                words = " ".join(str(error.orig).split())
                raise LedgerAway(f"The ledger went away during a read: {words}.") from error

    def back_off(self, seconds: float) -> None:
        """Let no run send anything for that long; never shortens a pause that is longer."""
        until = in_seconds(seconds)
        offer = insert(request_pauses).values(cct=self.cct, set_at=now(), until=until)
        longer = sa.func.greatest(request_pauses.c.until, offer.excluded.until)
        longest = offer.on_conflict_do_update(
            index_elements=[request_pauses.c.cct],
            set_={
                "set_at": offer.excluded.set_at,
                "until": sa.case(
                    (request_pauses.c.set_at <= now(), longer), else_=offer.excluded.until
                ),
            },
        )
        execute(self.engine, longest, repeatable=True)

    def _ahead(self, key: str) -> Answer | None:
        """Return the answer that came ahead, where one will do."""
        if self.since is None:
            return None
        with at_once(self.engine).connect() as connection:
            return self._take(connection, key, self.since, ahead=True)

    def _read(self, key: str, send: Callable[[], Answer]) -> Answer:
        asked_at: datetime | None = None
        name = {"name": f"{self.cct} {key}", "idle": f"{IN_USE_SECONDS:g}s"}
        while True:
            with self.engine.begin() as tx:
                locked, looked_at, _ = tx.execute(_LOCK, name).one()
                asked_at = asked_at or looked_at
                # Only now: whoever held the lock until a moment ago has left its answer.
                if (answer := self._take(tx, key, asked_at)) is not None:
                    return answer
                granted = self._try(write=False) if locked else POLL_SECONDS
                if not isinstance(granted, float):
                    return self._fetch(tx, key, granted, send)
            interrupts.sleep(granted)

    def _fetch(self, tx: sa.Connection, key: str, slot: Slot, send: Callable[[], Answer]) -> Answer:
        try:
            answer = send()
        except BaseException:
            self._end(slot)
            raise
        tx.execute(
            _KEEP,
            self._of(key)
            | {
                "began_at": slot.granted_at,
                "status": answer.status,
                "headers": json.dumps(dict(answer.headers)),
                "body": answer.body,
                "slot": slot.id,
                "window": timedelta(seconds=WINDOW_SECONDS),
            },
        )
        return answer

    def _take(
        self, tx: sa.Connection, key: str, since: datetime, *, ahead: bool = False
    ) -> Answer | None:
        """Return the answer to a read that began after then, and note that this run took it."""
        wanted = {"since": since, "ahead": ahead, "oldest": timedelta(seconds=AHEAD_SECONDS)}
        row = tx.execute(_TAKE, self._of(key) | wanted).one_or_none()
        return None if row is None else Answer(row.status, row.headers, bytes(row.body))

    def _of(self, key: str) -> dict[str, Any]:
        return {"cct": self.cct, "key": key, "run_id": self.run_id}

    def _end(self, slot: Slot) -> None:
        """Let the slot end a window after its request, whatever came of that."""
        # It ends by itself all the same, and the answer matters more.
        with suppress(sa.exc.OperationalError), at_once(self.engine).connect() as connection:
            connection.execute(_END, {"slot": slot.id, "window": timedelta(seconds=WINDOW_SECONDS)})

    def _try(self, *, write: bool) -> Slot | float:
        """Take a slot, or return for how many seconds to wait before trying again."""
        wanted = {
            "cct": self.cct,
            "write": write,
            "run_id": self.run_id,
            "limit": self.limit if write else self._limit_of_reads(),
            "kept": timedelta(seconds=KEEP_SECONDS),
            "in_use": timedelta(seconds=IN_USE_SECONDS),
        }

        def take(tx: sa.Connection) -> tuple[Any, ...]:
            tx.execute(_ONE_AT_A_TIME, {"cct": self.cct})
            return tuple(tx.execute(_SLOT, wanted).one())

        # Where it is not known whether the slot was taken, another one is: that costs a minute.
        paused, wait, slot, granted_at = within(self.engine, take, repeatable=True)
        if slot is not None:
            return Slot(slot, granted_at)
        if self.spare:
            raise Unavailable("CCT's limit leaves no room to look ahead.")
        if paused is not None and not write and paused > LONGEST_PAUSE_SECONDS:
            raise _locked_out(float(paused))
        return _between_looks(float(wait if paused is None else paused))

    def _limit_of_reads(self) -> int:
        if self.spare:
            return (self.limit - self.kept_for_writes) // 2
        # A change that nobody can look at is worse than a diagnosis that waits.
        return self.limit - self.kept_for_writes // (2 if self.confirming else 1)


def paused_seconds(engine: sa.Engine, cct: str) -> float:
    """Return for how long nobody may send anything to this CCT; 0 when anybody may."""
    left = sa.select(sa.extract("epoch", request_pauses.c.until - now())).where(
        request_pauses.c.cct == cct, request_pauses.c.set_at <= now()
    )
    with engine.connect() as connection:
        return max(0.0, float(connection.execute(left).scalar() or 0))


def _locked_out(seconds: float) -> Unavailable:
    return Unavailable(
        f"CCT refused this address (429) and asked for silence for another {seconds:.0f} s, so"
        " nothing is read before. It asks for that long after five requests with a wrong key.",
        retry_after_seconds=seconds,
        refused=True,
    )


def _between_looks(seconds: float) -> float:
    return min(max(seconds, POLL_SECONDS), LOOK_SECONDS)
