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
    """
    One HTTP answer of CCT: status, headers with lower-case names, and the undecoded body.

    ``seconds`` is how long it took, and 0 for an answer that another run has asked for.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = field(default=0.0, compare=False)


class Pacer(Protocol):
    """Decides when a request may leave, and lets concurrent runs share one answer."""

    def read(self, key: str, send: Callable[[], Answer]) -> Answer:
        """
        Return the answer to a read that *began* after this call, sent here or by another run.

        ``key`` names the read (path and query). ``send`` makes the request, at once.
        """

    def write_slot(self) -> AbstractContextManager[None]:
        """Wait until one more change fits into CCT's limit, which reads leave room for."""

    def back_off(self, seconds: float) -> None:
        """Let nobody send anything for that long: CCT said 429."""


class Unpaced:
    """No pacing at all: for a CCT without a limit, and for tests of the client alone."""

    def read(self, key: str, send: Callable[[], Answer]) -> Answer:  # noqa: ARG002 -- protocol
        """Send at once, for this caller alone."""
        return send()

    def write_slot(self) -> AbstractContextManager[None]:
        """Let the change leave at once."""
        return nullcontext()

    def back_off(self, seconds: float) -> None:
        """Remember nothing."""
