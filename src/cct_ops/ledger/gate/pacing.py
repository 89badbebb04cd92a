"""
One budget of requests per CCT, shared by all runs on all machines.

CCT counts requests in a sliding 60 s per address. A slot is therefore held from before a request
leaves until 60 s after its answer came, so that our count is never below CCT's. Reads leave some
slots free for changes and undos.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.clients.pacing import Answer
from cct_ops.errors import Unavailable
from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.gate.tables import readings, request_pauses, requests

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


class Slot(NamedTuple):
    """A place in the budget, and the moment at which it was granted."""

    id: int
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class LedgerPacer:
    """
    Paces one run's requests to the CCT at ``cct`` (its base URL) through the ledger.

    With ``confirming`` its reads show whether changes took effect: they may use half of what other
    reads leave free for changes.
    """

    engine: sa.Engine
    cct: str
    limit: int
    kept_for_writes: int
    run_id: UUID | None = None
    confirming: bool = False

    @contextmanager
    def write_slot(self) -> Iterator[None]:
        """Wait until a change may leave."""
        while isinstance(granted := self._try(write=True), float):
            time.sleep(granted)
        with self._in_use(granted):
            yield

    def read(self, key: str, send: Callable[[], Answer]) -> Answer:
        """
        Return an answer to a read that began after this call, sent by this run or by another.

        Runs that ask for the same thing at the same time cost CCT one request. The advisory lock
        ends with its connection, so a run that dies in the middle holds nobody up; nobody keeps it
        while waiting for a slot, which may take longer than a transaction may idle.

        Raises ``Unavailable`` also when the ledger goes away in the middle: a read is repeatable.
        """
        try:
            return self._read(key, send)
        except sa.exc.OperationalError as error:
            words = " ".join(str(error.orig).split())
            raise Unavailable(f"The ledger went away during a read: {words}.") from error

    def _read(self, key: str, send: Callable[[], Answer]) -> Answer:
        asked_at: datetime | None = None
        while True:
            with self.engine.connect() as connection:
                locked, looked_at, _ = connection.execute(self._lock(key)).one()
                asked_at = asked_at or looked_at
                # Only now: whoever held the lock until a moment ago has left its answer.
                if (answer := self._since(connection, key, asked_at)) is not None:
                    return answer
                granted = self._try(write=False) if locked else POLL_SECONDS
                if not isinstance(granted, float):
                    return self._fetch(key, granted, send)
            time.sleep(granted)

    def back_off(self, seconds: float) -> None:
        """Let no run send anything for that long; never shortens a pause that is longer."""
        offer = insert(request_pauses).values(cct=self.cct, until=in_seconds(seconds))
        with self.engine.begin() as tx:
            tx.execute(
                offer.on_conflict_do_update(
                    index_elements=[request_pauses.c.cct],
                    set_={"until": sa.func.greatest(request_pauses.c.until, offer.excluded.until)},
                )
            )

    def _fetch(self, key: str, slot: Slot, send: Callable[[], Answer]) -> Answer:
        with self._in_use(slot):
            answer = send()
        values = {
            "began_at": slot.granted_at,
            "status": answer.status,
            "headers": dict(answer.headers),
            "body": answer.body,
        }
        with self.engine.begin() as tx:
            tx.execute(
                insert(readings)
                .values(cct=self.cct, key=key, **values)
                .on_conflict_do_update(index_elements=[readings.c.cct, readings.c.key], set_=values)
            )
        return answer

    def _lock(self, key: str) -> sa.Select[tuple[bool, datetime, str]]:
        """
        Return a statement that tries to be the one that asks, and says when.

        It also lets its transaction idle for a request; who sleeps for longer loses the lock.
        """
        lock = sa.func.hashtextextended(f"{self.cct} {key}", 0)
        return sa.select(
            sa.func.pg_try_advisory_xact_lock(lock, type_=sa.Boolean),
            now(),
            sa.func.set_config("idle_in_transaction_session_timeout", f"{IN_USE_SECONDS:g}s", True),
        )

    def _since(self, connection: sa.Connection, key: str, asked_at: datetime) -> Answer | None:
        row = connection.execute(
            sa.select(readings.c.status, readings.c.headers, readings.c.body).where(
                readings.c.cct == self.cct, readings.c.key == key, readings.c.began_at >= asked_at
            )
        ).one_or_none()
        return None if row is None else Answer(row.status, row.headers, bytes(row.body))

    @contextmanager
    def _in_use(self, slot: Slot) -> Iterator[None]:
        """Surround the request for which the slot was granted."""
        try:
            yield
        finally:
            # It ends by itself all the same, and the answer matters more.
            with suppress(sa.exc.OperationalError), self.engine.begin() as tx:
                tx.execute(
                    sa.update(requests)
                    .where(requests.c.id == slot.id)
                    .values(expires_at=in_seconds(WINDOW_SECONDS))
                )

    def _try(self, *, write: bool) -> Slot | float:
        """Take a slot, or return for how many seconds to wait before trying again."""
        kept = 0 if write else self.kept_for_writes
        # A change that nobody can look at is worse than a diagnosis that waits.
        limit = self.limit - (kept // 2 if self.confirming else kept)
        live = sa.and_(requests.c.cct == self.cct, requests.c.expires_at > now())
        with self.engine.begin() as tx:
            tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(self.cct))))
            paused = tx.execute(
                sa.select(sa.extract("epoch", request_pauses.c.until - now())).where(
                    request_pauses.c.cct == self.cct, request_pauses.c.until > now()
                )
            ).scalar()
            if paused is not None:
                if not write and paused > LONGEST_PAUSE_SECONDS:
                    raise _locked_out(float(paused))
                return _between_looks(float(paused))

            waits = (
                tx.execute(
                    sa.select(sa.extract("epoch", requests.c.expires_at - now()))
                    .where(live)
                    .order_by(requests.c.expires_at)
                )
                .scalars()
                .all()
            )
            if len(waits) >= limit:
                return _between_looks(float(waits[len(waits) - limit]))

            tx.execute(
                sa.delete(requests).where(
                    requests.c.cct == self.cct, requests.c.expires_at < in_seconds(-KEEP_SECONDS)
                )
            )
            row = tx.execute(
                sa.insert(requests)
                .values(
                    cct=self.cct,
                    write=write,
                    run_id=self.run_id,
                    expires_at=in_seconds(IN_USE_SECONDS),
                )
                .returning(requests.c.id, requests.c.granted_at)
            ).one()
            return Slot(row.id, row.granted_at)


def paused_seconds(engine: sa.Engine, cct: str) -> float:
    """Return for how long nobody may send anything to this CCT; 0 when anybody may."""
    left = sa.select(sa.extract("epoch", request_pauses.c.until - now())).where(
        request_pauses.c.cct == cct
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
