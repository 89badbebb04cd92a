"""
What was seen while faults were injected, look by look, and which kind of failure that is.

A 429 is an answer to our own probing and says nothing about how CCT serves.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from cct_ops.models.base import Frozen, counted
from cct_ops.models.verification import Verdict, Verification

# CCT's script counts a phase as passed from this share of good answers on.
GOOD_SHARE = 0.8
# An answer is slow beyond twice what it took before, and a little: short ones vary.
SLOW_FACTOR, SLOW_MORE_MS = 2.0, 300.0


class Phase(StrEnum):
    """When a look was taken; what was ``ordered`` is what another run was asked for."""

    BEFORE = "before"
    INJECTED = "injected"
    DURING = "during"
    REMOVED = "removed"
    AFTER = "after"
    VERDICT = "verdict"
    ORDERED = "ordered"


class Result(StrEnum):
    """The result of one call."""

    GOOD = "good"
    ERROR = "error"
    SILENT = "no answer"
    LIMITED = "429"


class Sample(Frozen):
    """One call as users make it."""

    path: str
    result: Result
    latency_ms: float
    seen: str


class Entry(Frozen):
    """
    One line of the journal.

    ``missed`` counts the routes that miss their objectives at this moment, ``noticed`` the breaches
    that CCT's monitor has recorded since the beginning; None is what this look did not ask.
    """

    at: datetime
    phase: Phase
    note: str
    samples: tuple[Sample, ...] = ()
    missed: int | None = None
    noticed: int | None = None


class FailureKind(StrEnum):
    """A way in which an experiment can fail, named as in the runbook."""

    NONE = "as expected"
    NOT_RECOVERED = "the system does not recover"
    UNMONITORED = "monitoring is incomplete"
    TOO_SEVERE = "the degradation is too severe"
    FALSE_POSITIVE = "a false positive"
    UNFINISHED = "it did not get to its end"


class ExperimentResult(Frozen):
    """The kind of failure, and the sentence that says why."""

    kind: FailureKind
    why: str

    @property
    def verification(self) -> Verification:
        """The same as the verdict of a verification: what proves nothing never counts as good."""
        match self.kind:
            case FailureKind.NONE:
                verdict = Verdict.HOLDS
            case FailureKind.FALSE_POSITIVE | FailureKind.UNFINISHED:
                verdict = Verdict.TOO_FEW_SAMPLES
            case _:
                verdict = Verdict.BROKEN
        return Verification(verdict=verdict, reason=self.why)


def steady(samples: tuple[Sample, ...], baseline: tuple[Sample, ...] = ()) -> bool | None:
    """Say whether enough of the calls were served well and as fast as before; None is no word."""
    judged = [sample for sample in samples if sample.result is not Result.LIMITED]
    if not judged:
        return None
    before = {sample.path: sample.latency_ms for sample in baseline}
    good = [
        sample
        for sample in judged
        if sample.result is Result.GOOD
        and sample.latency_ms
        <= before.get(sample.path, sample.latency_ms) * SLOW_FACTOR + SLOW_MORE_MS
    ]
    return len(good) >= GOOD_SHARE * len(judged)


def classify(entries: tuple[Entry, ...]) -> ExperimentResult:
    """Conclude from a journal; the worst comes first, and the same journal gives the same."""
    before, during, after = (
        [entry for entry in entries if entry.phase is phase]
        for phase in (Phase.BEFORE, Phase.DURING, Phase.AFTER)
    )
    if not after:
        return ExperimentResult(
            kind=FailureKind.UNFINISHED, why="No look was taken after the faults."
        )
    baseline = before[-1].samples if before else ()
    last = steady(after[-1].samples, baseline)
    if last is None:
        why = "CCT limited our own probing after the faults (429), which says nothing about it."
        return ExperimentResult(kind=FailureKind.FALSE_POSITIVE, why=why)
    if not last:
        bad = ", ".join(
            f"{each.path}: {each.seen} in {each.latency_ms:.0f} ms" for each in after[-1].samples
        )
        why = f"After the faults were removed it does not serve as before ({bad})."
        return ExperimentResult(kind=FailureKind.NOT_RECOVERED, why=why)
    if _dark(during):
        why = "While the faults were in effect nothing at all was served, and it recovered since."
        return ExperimentResult(kind=FailureKind.TOO_SEVERE, why=why)
    if _unnoticed(before, during, after):
        why = "Routes missed their objectives, and CCT's monitor recorded no breach; it recovered."
        return ExperimentResult(kind=FailureKind.UNMONITORED, why=why)
    looks = counted(len(after), "look")
    why = f"It serves as before, seen in {looks} after {len(during)} under faults."
    return ExperimentResult(kind=FailureKind.NONE, why=why)


def _dark(during: list[Entry]) -> bool:
    """True if two looks in a row saw nothing good: one alone can be chance."""
    looks = [_nothing_good(entry) for entry in during]
    return looks == [True] or any(one and other for one, other in pairwise(looks))


def _nothing_good(entry: Entry) -> bool:
    judged = [sample for sample in entry.samples if sample.result is not Result.LIMITED]
    return bool(judged) and all(sample.result is not Result.GOOD for sample in judged)


def _unnoticed(before: list[Entry], during: list[Entry], after: list[Entry]) -> bool:
    missed = max((entry.missed or 0 for entry in during), default=0)
    normal = max((entry.missed or 0 for entry in before), default=0)
    return missed > normal and after[-1].noticed == 0
