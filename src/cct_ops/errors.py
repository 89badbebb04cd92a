"""
Every way in which an operation can fail, one class per decision that a caller makes.

OpsError
├── Unavailable             no answer, timeout, 429 or 5xx: worth retrying
│   └── LedgerAway          it was our own ledger that gave none
├── Rejected                another 4xx: our request is wrong, never retried
│   └── KeyRefused          CCT does not take the key: nobody sends it again
├── Unsupported             this CCT does not offer it
├── ContractBroken          an answer in a shape that we do not know
├── NotDone                 a write that the system refused: nothing was changed by it
├── SteadyStateNotReached   the action ran and the system did not recover
│   └── Unconfirmed         nothing shows whether a write took effect
├── NotPermitted            no permit: observe mode, a guard, a declined or expired approval
└── BadConfiguration        a file or setting of ours is wrong: says where and what to do
"""

from __future__ import annotations


class OpsError(Exception):
    """The root of all errors that this project raises on purpose; the message is one sentence."""


class Unavailable(OpsError):
    """
    No usable answer came: connection failure, timeout, 429 or 5xx. Worth retrying.

    ``retry_after_seconds`` is what the server asked for, already capped; None if it asked nothing.
    ``refused`` says that it came from a limit (429), and not from a failure; ``never_left`` that
    the request did not reach the server. After either it has certainly done nothing.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        refused: bool = False,
        never_left: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.refused = refused
        self.never_left = never_left


class LedgerAway(Unavailable):
    """The ledger went away in the middle of a read, for longer than anybody waits for it."""


class Rejected(OpsError):
    """
    The server refused this request for what it is; sending it again cannot help.

    ``status`` is the HTTP status (0 once the error has crossed a process boundary), ``code`` the
    server's own word for it.
    """

    def __init__(self, message: str, *, status: int = 0, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class KeyRefused(Rejected):
    """CCT refused the key (401) or has locked it (423): until it changes nobody sends it again."""


class Unsupported(OpsError):
    """
    This CCT does not offer the endpoint; the message names the nearest equivalent.

    ``family`` says that all endpoints of that kind are missing, and not this one alone.
    """

    def __init__(self, message: str, *, family: bool = False) -> None:
        super().__init__(message)
        self.family = family


class ContractBroken(OpsError):
    """The answer has a shape that we do not know; the message names the field."""


class SteadyStateNotReached(OpsError):
    """The action was carried out and the target did not return to its steady state."""


class Unconfirmed(SteadyStateNotReached):
    """A change was sent, and nothing shows whether it took effect."""


class NotDone(OpsError):
    """A change was sent and refused, in the words of whoever refused it; nothing was changed."""


class NotPermitted(OpsError):
    """No valid permit for this change; nothing was sent."""


class BadConfiguration(OpsError):
    """A setting or file of ours is wrong; the message says where, why and what to do."""
