"""
The keys that a CCT refused, shared by all processes on all machines.

CCT locks an address for a quarter of an hour after five requests with a wrong key. So a key that it
refused once is not sent again until it changes or a person says so; one that it has locked is left
alone for that long. And as long as a process does not know whether CCT takes its key, one request
goes first and the others wait for its answer.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops import interrupts
from cct_ops.errors import KeyRefused, Unavailable
from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.engine import at_once
from cct_ops.ledger.gate.tables import refused_keys
from cct_ops.ledger.statements import execute, scalar, upsert
from cct_ops.typed import typed

# For so long after a good answer many may be under way at once: one look at everything.
TAKEN_SECONDS = 10.0
# The one that goes first waits for an answer for about so long itself.
WAIT_SECONDS = 20.0
POLL_SECONDS = 0.02


@dataclass
class LedgerKeys:
    """One process's knowledge of the keys that it sends to the CCT at ``cct`` (its base URL)."""

    engine: sa.Engine
    cct: str
    _taken: dict[tuple[str, str], float] = field(default_factory=dict, repr=False)
    _first: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextmanager
    def using(self, key: SecretStr, family: str) -> Iterator[Sending]:
        """
        Surround one request with ``key`` to a family of endpoints.

        Raises ``KeyRefused`` for a key that CCT has refused, and ``Unavailable`` when the request
        that went first has no answer for too long: then CCT has none for this one either.
        """
        sending = Sending(self, key, family)
        self._check(key)
        with ExitStack() as alone:
            if not self._is_taken(key, family):
                alone.enter_context(self._alone())
                self._check(key)
                if self._is_taken(key, family):
                    alone.close()
            yield sending

    def refuse(self, key: SecretStr, said: str, seconds: float | None) -> None:
        """Remember, for everybody, that CCT does not take the key: for a time, or for good."""
        self._taken.clear()
        until = None if seconds is None else in_seconds(seconds)
        known_by = {"cct": self.cct, "digest": _digest(self.cct, key)}
        values = {"said": said, "refused_at": now(), "until": until}
        execute(self.engine, upsert(refused_keys, known_by, values))

    def take(self, key: SecretStr, family: str) -> None:
        """Remember, for this process, that CCT has just taken the key."""
        self._taken[key.get_secret_value(), family] = time.monotonic()

    def _is_taken(self, key: SecretStr, family: str) -> bool:
        at = self._taken.get((key.get_secret_value(), family))
        return at is not None and time.monotonic() - at < TAKEN_SECONDS

    def _check(self, key: SecretStr) -> None:
        # A lock that was met in the future is one of a clock that was ahead.
        locked = (refused_keys.c.until > now()) & (refused_keys.c.refused_at <= now())
        live = refused_keys.c.until.is_(None) | locked
        with at_once(self.engine).connect() as connection:
            rows = connection.execute(
                sa.select(refused_keys).where(refused_keys.c.cct == self.cct, live)
            ).all()
        # A digest takes as long as a request, so only where there is something to compare it with.
        row = next((row for row in rows if row.digest == _digest(self.cct, key)), None)
        if row is None:
            return
        if row.until is not None:
            raise KeyRefused(
                f"CCT has locked this X_API_KEY ({row.said}), so it is not sent before"
                f" {row.until:%Y-%m-%d %H:%M:%S} UTC: check whether it is right."
            )
        raise KeyRefused(
            f"CCT refused this X_API_KEY at {row.refused_at:%Y-%m-%d %H:%M:%S} UTC ({row.said}), so"
            " it is not sent again: set X_API_KEY to a key that CCT takes, or run"
            f" `{typed('retry-key')}` if CCT takes this one by now.",
            status=401,
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one that sends a key of which nobody knows whether CCT takes it."""
        until = time.monotonic() + WAIT_SECONDS
        if not self._first.acquire(timeout=WAIT_SECONDS):
            raise _no_answer()
        try:
            with self.engine.connect() as connection:
                lock = sa.func.hashtextextended(f"{self.cct} key", 0)
                # The lock ends with its connection, so a process that dies holds nobody up.
                while not connection.execute(
                    sa.select(sa.func.pg_try_advisory_xact_lock(lock))
                ).scalar_one():
                    if time.monotonic() > until:
                        raise _no_answer()
                    interrupts.sleep(POLL_SECONDS)
                yield
        finally:
            self._first.release()


@dataclass(frozen=True)
class Sending:
    """One request with a key; whoever sends it says what came of it."""

    keys: LedgerKeys
    key: SecretStr
    family: str

    def refused(self, words: str, seconds: float | None) -> None:
        """CCT did not take the key: for ``seconds``, or until it changes."""
        self.keys.refuse(self.key, words, seconds)

    def taken(self) -> None:
        """CCT took the key."""
        self.keys.take(self.key, self.family)


def remembered(engine: sa.Engine) -> int:
    """Return how many refused keys the ledger knows, of every CCT."""
    return scalar(engine, sa.select(sa.func.count()).select_from(refused_keys)) or 0


def forget(engine: sa.Engine) -> int:
    """Let every refused key be sent once more; returns how many there were."""
    return execute(engine, sa.delete(refused_keys))


def _no_answer() -> Unavailable:
    return Unavailable(
        f"No answer from CCT within {WAIT_SECONDS:g} s: requests wait until it has answered one,"
        " which shows whether it takes our key."
    )


@lru_cache(maxsize=8)
def _digest(cct: str, key: SecretStr) -> str:
    """
    Return what the ledger knows of a key.

    A slow hash, so that whoever reads the ledger cannot guess a key from it by trying many.
    """
    secret = key.get_secret_value().encode()
    return hashlib.scrypt(secret, salt=cct.encode(), n=2**14, r=8, p=1).hex()
