"""How a run of a playbook ended, and on what evidence."""

from __future__ import annotations

from enum import StrEnum

from cct_ops.models.base import Frozen


class Outcome(StrEnum):
    """
    How it ended; the name is also the name of the run's final state in Prefect.

    Passed is the end of a test of our own that found nothing wrong; Nothing to do that of a look
    at the system that found nothing wrong there.
    """

    NOTHING_TO_DO = "Nothing to do"
    RECOMMENDED = "Recommended"
    RESOLVED = "Resolved"
    PASSED = "Passed"
    UNVERIFIED = "Unverified"
    DECLINED = "Declined"
    EXPIRED = "Expired"
    VOID = "Void"
    BLOCKED = "Blocked"
    MERGED = "Merged"
    CANCELLED = "Cancelled"
    UNDONE = "Undone"
    FAILED = "Failed"

    @property
    def needs_attention(self) -> bool:
        """Whether what was wrong may still be wrong; such a run must not look green."""
        return self in {
            Outcome.UNVERIFIED,
            Outcome.EXPIRED,
            Outcome.VOID,
            Outcome.BLOCKED,
            Outcome.UNDONE,
            Outcome.FAILED,
        }


class Severity(StrEnum):
    """P0: users are hurt now. P1: users will be hurt or a safety net is gone. P2: neither."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"


class Evidence(Frozen):
    """One observed fact: what was looked at, what was seen, and what it means."""

    source: str
    observed: str
    meaning: str


class Resolution(Frozen):
    """The result of a run: its outcome, the sentence that explains it, and the evidence."""

    playbook: str
    target: str
    outcome: Outcome
    reason: str
    evidence: tuple[Evidence, ...] = ()
