"""A run as a list of moments, for people who ask what happened when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from cct_ops.ledger.record.account import RunRecord


class Moment(NamedTuple):
    """One thing that happened."""

    at: datetime
    what: str


def timeline(known: RunRecord, *more: Moment) -> list[Moment]:
    """
    Return all that the ledger saw of a run, with ``more`` from elsewhere, in order of time.

    Those of one instant stay as they come.
    """
    return sorted((*more, *_of_run(known)), key=lambda moment: moment.at)


def _of_run(known: RunRecord) -> Iterator[Moment]:
    if known.received_at:
        yield Moment(known.received_at, "received")
    if known.dispatched_at:
        yield Moment(known.dispatched_at, "run created")
    if known.looked_at:
        yield Moment(known.looked_at, "first look at CCT")
    for decision in known.decisions:
        yield Moment(decision.decided_at, decision.verdict)
    for act in known.actions:
        word = "action" if act.kind == "change" else "undo"
        yield Moment(act.intended_at, f"{word} {act.call}")
        if act.confirmed_at:
            yield Moment(act.confirmed_at, "read back, took effect")
    for found in known.verifications:
        yield Moment(found.verified_at, f"verified: {found.verdict}")
