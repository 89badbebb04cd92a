"""A run as a list of moments, for people who ask what happened when."""

from __future__ import annotations

from datetime import datetime

from cct_ops.ledger.record.account import RunRecord
from cct_ops.models.base import Frozen


class Moment(Frozen):
    """One thing that happened."""

    at: datetime
    what: str


def timeline(known: RunRecord, *more: Moment) -> list[Moment]:
    """Return all that the ledger saw of a run, with ``more`` from elsewhere, in order of time."""
    moments = list(more)
    if known.received_at:
        moments.append(Moment(at=known.received_at, what="received"))
    if known.dispatched_at:
        moments.append(Moment(at=known.dispatched_at, what="run created"))
    moments += [
        Moment(at=decision.decided_at, what=decision.verdict) for decision in known.decisions
    ]
    for act in known.actions:
        word = "action" if act.kind == "change" else "undo"
        moments.append(Moment(at=act.intended_at, what=f"{word} {act.call}"))
        if act.confirmed_at:
            moments.append(Moment(at=act.confirmed_at, what="read back, took effect"))
    moments += [
        Moment(at=found.verified_at, what=f"verified: {found.verdict}")
        for found in known.verifications
    ]
    return sorted(moments, key=lambda moment: moment.at)
