"""
The seam between the CCT client and whatever spaces its requests.

CCT allows 30 requests a minute per address and starves whoever polls through a 429, so all runs
together must pace themselves. The ledger does that (``cct_ops.ledger.pacing``); this module only
says what the client asks of it, because clients know nothing of the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer of CCT: status, headers with lower-case names, and the undecoded body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Pacer(Protocol):
    """Decides when a request may leave, and lets concurrent runs share one answer."""

    def slot(self, *, write: bool) -> AbstractContextManager[None]:
        """Wait until one more request fits into CCT's limit; writes have room reserved."""

    def back_off(self, seconds: float) -> None:
        """Let nobody send anything for that long: CCT said 429."""

    def shared(self, key: str, fetch: Callable[[], Answer]) -> Answer:
        """
        Return the answer to a read that *began* after this call, fetched here or by another run.

        ``key`` names the read (path and query). ``fetch`` makes the request.
        """


class Unpaced:
    """No pacing at all: for a CCT without a limit, and for tests of the client alone."""

    def slot(self, *, write: bool) -> AbstractContextManager[None]:  # noqa: ARG002 -- protocol
        """Let the request leave at once."""
        return nullcontext()

    def back_off(self, seconds: float) -> None:
        """Remember nothing."""

    def shared(self, key: str, fetch: Callable[[], Answer]) -> Answer:  # noqa: ARG002 -- protocol
        """Fetch for this caller alone."""
        return fetch()
