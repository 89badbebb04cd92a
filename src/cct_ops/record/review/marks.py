"""What a timeline shows of an account: each step in its lane, with a word or two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, assert_never

from cct_ops.models.account import Entry, EntryKind
from cct_ops.models.review import Review
from cct_ops.models.run import Outcome
from cct_ops.models.verification import Verdict
from cct_ops.record.review.stops import stop_at
from cct_ops.terminal import visible

WORD_CHARACTERS = 28


class Lane(StrEnum):
    """The lanes, from the top down."""

    ALERTS = "Alerts"
    DECISIONS = "Decisions"
    CHANGES = "Changes"
    VERIFICATION = "Verification"
    PEOPLE = "People"


LANES = tuple(Lane)


def lane_of(kind: EntryKind) -> Lane:
    """Return the lane of a kind of step; the type checker misses a kind that has none."""
    match kind:
        case EntryKind.BEGAN | EntryKind.ALERT | EntryKind.CLOSED:
            return Lane.ALERTS
        case (
            EntryKind.DISPATCH
            | EntryKind.STARTED
            | EntryKind.DECISION
            | EntryKind.APPROVAL
            | EntryKind.PERMIT
        ):
            return Lane.DECISIONS
        case (
            EntryKind.REQUEST
            | EntryKind.READ_BACK
            | EntryKind.UNDO
            | EntryKind.TEMPORARY
            | EntryKind.EXPERIMENT
        ):
            return Lane.CHANGES
        case EntryKind.LOOK | EntryKind.VERIFICATION | EntryKind.OUTCOME | EntryKind.CRASH:
            return Lane.VERIFICATION
        case (
            EntryKind.ACKNOWLEDGEMENT
            | EntryKind.ASSIGNMENT
            | EntryKind.NOTE
            | EntryKind.TAKEOVER
            | EntryKind.ANSWER
            | EntryKind.NOTICE
            | EntryKind.PAGE
            | EntryKind.STATUS_PAGE
            | EntryKind.FOLLOW_UP
        ):
            return Lane.PEOPLE
        case _:
            assert_never(kind)


class Mark(NamedTuple):
    """The steps of one lane at one stop; ``bad`` is one of them that did not go well."""

    lane: Lane
    stop: int
    entries: tuple[Entry, ...]
    bad: bool

    @property
    def word(self) -> str:
        """Say in a word or two what they are."""
        words = list(dict.fromkeys(word_of(entry) for entry in self.entries))
        return visible(", ".join(words), WORD_CHARACTERS)


class Bar(NamedTuple):
    """A temporary change from its beginning to its end, or to the end that it should have."""

    words: str
    first: int
    last: int
    open: bool
    overdue: bool


def moments_of(review: Review) -> Iterator[datetime]:
    """Yield every moment that the picture shows; now is one where a change reaches beyond it."""
    for entry in review.account.entries:
        yield entry.at
    for change in review.changes:
        yield change.made_at
        yield change.ended_at or change.until
        if change.ended_at is None:
            yield review.account.read_at


def marks_of(review: Review, stops: Sequence[datetime]) -> list[Mark]:
    """Return the marks, lane by lane and in their order."""
    found: dict[tuple[int, int], list[Entry]] = {}
    for entry in review.account.entries:
        place = (LANES.index(lane_of(entry.kind)), stop_at(stops, entry.at))
        found.setdefault(place, []).append(entry)
    return [
        Mark(LANES[lane], stop, tuple(entries), any(map(went_badly, entries)))
        for (lane, stop), entries in sorted(found.items())
    ]


def bars_of(review: Review, stops: Sequence[datetime]) -> list[Bar]:
    """Return the temporary changes; an overdue one lasts until now."""
    now = review.account.read_at
    return [
        Bar(
            words=visible(str(change.call)),
            first=stop_at(stops, change.made_at),
            last=stop_at(stops, change.ended_at or (now if change.overdue else change.until)),
            open=change.ended_at is None,
            overdue=change.overdue,
        )
        for change in review.changes
    ]


def went_badly(entry: Entry) -> bool:
    """Return whether a step shows that something did not go well."""
    match entry.kind:
        case EntryKind.CRASH:
            return True
        case EntryKind.OUTCOME:
            return _outcome(entry) in {each.value for each in Outcome if each.needs_attention}
        case EntryKind.VERIFICATION:
            return not entry.text.startswith(f"verified: {Verdict.HOLDS}")
        case EntryKind.PAGE:
            return " not reached: " in entry.text
        case _:
            return False


def word_of(entry: Entry) -> str:
    """Say in a word or two what a step is."""
    return _WORDS[entry.kind](entry) if entry.kind in _WORDS else entry.kind.value


def _call(entry: Entry) -> str:
    return entry.text.partition("(")[0].removeprefix("action ")


def _outcome(entry: Entry) -> str:
    return entry.text.removeprefix("ended as ").partition(":")[0]


_WORDS: dict[EntryKind, Callable[[Entry], str]] = {
    EntryKind.ALERT: lambda entry: "resolved" if " is resolved" in entry.text else "alert",
    EntryKind.DISPATCH: lambda entry: "run created" if entry.run_id else "no run",
    EntryKind.LOOK: lambda _: "first look",
    EntryKind.DECISION: lambda entry: entry.text.partition(",")[0],
    EntryKind.APPROVAL: lambda entry: (
        "asked" if entry.text.startswith("approval was asked") else "request over"
    ),
    EntryKind.ANSWER: lambda entry: entry.text.partition(":")[0],
    EntryKind.REQUEST: _call,
    EntryKind.READ_BACK: lambda _: "took effect",
    EntryKind.UNDO: _call,
    EntryKind.VERIFICATION: lambda entry: entry.text.split(": ")[1],
    EntryKind.OUTCOME: _outcome,
}
