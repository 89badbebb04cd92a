"""
The seams between the CCT client and what all its processes share: a budget, and refused keys.

CCT allows 30 requests a minute per address and starves whoever polls through a 429, so all runs
together must pace themselves. It locks an address after five requests with a wrong key, so the
first refusal must be known to all. The ledger does both (``cct_ops.ledger.gate.pacing`` and
``refused_keys``); this module only says what the client asks of it, because clients know nothing of
the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr


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


class KeyUse(Protocol):
    """One request that carries the key; whoever sends it says what came of it."""

    def refused(self, words: str, seconds: float | None) -> None:
        """CCT did not take the key: for ``seconds``, or until it changes."""

    def taken(self) -> None:
        """CCT took the key, so that others need not wait to see whether it does."""


class Keys(Protocol):
    """Remembers which keys CCT refused, for everybody who would send them."""

    def using(self, key: SecretStr, family: str) -> AbstractContextManager[KeyUse]:
        """
        Surround one request with ``key`` to a family of endpoints.

        Entering raises ``KeyRefused`` for a key that CCT has refused, and waits while another
        request finds out whether CCT takes it.
        """


class Forgetful:
    """Remembers no key: where there is no ledger, and for tests of the client alone."""

    @contextmanager
    def using(self, key: SecretStr, family: str) -> Iterator[Forgetful]:  # noqa: ARG002 -- protocol
        """Let the request leave at once."""
        yield self

    def refused(self, words: str, seconds: float | None) -> None:
        """Remember nothing."""

    def taken(self) -> None:
        """Remember nothing."""


FORGETFUL = Forgetful()
