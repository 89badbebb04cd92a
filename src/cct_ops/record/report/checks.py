"""
Checks the facts before figures are made of them, by Great Expectations.

It takes seconds to import, so that happens only where it is used. A row that fails is left out and
named; the others stand.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, NamedTuple

from cct_ops.record.incidents import OUTCOMES
from cct_ops.record.report.facts import Facts
from cct_ops.summaries.expectations import broken

_NOT_NEGATIVE = {
    "to_acknowledge": "it was acknowledged before it came in",
    "to_look": "it was looked at before it came in",
    "to_change": "it was changed before it came in",
    "to_verify": "its fix was verified before it came in",
    "change_to_verify": "its fix was verified before its first change",
    "fix_to_again": "it came back before it was fixed",
    "waited": "a request for approval was decided before it was made",
    "lasted": "a temporary change ended before it began",
}


class LeftOut(NamedTuple):
    """A row that no figure has in it, and every rule that it breaks."""

    id: str
    why: tuple[str, ...]


def checked(facts: Facts) -> tuple[Facts, tuple[LeftOut, ...]]:
    """Return the facts without the rows that cannot be true, and these."""
    if facts.cases.empty:
        return facts, ()
    # Its analytics would send an event for each use; they are off before the first import.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    from great_expectations.expectations.core import (
        ExpectColumnValuesToBeBetween,
        ExpectColumnValuesToBeInSet,
        ExpectColumnValuesToBeUnique,
    )

    rules = [
        ExpectColumnValuesToBeUnique(column="id", meta=_says("its id is there more than once")),
        ExpectColumnValuesToBeInSet(
            column="outcome",
            value_set=list(OUTCOMES),
            meta=_says("its outcome is none that there is"),
        ),
        *(
            ExpectColumnValuesToBeBetween(column=column, min_value=0, meta=_says(words))
            for column, words in _NOT_NEGATIVE.items()
        ),
    ]
    found: dict[str, list[str]] = {}
    for meta, ids in broken("incidents", _durations(facts), rules, "id"):
        for each in dict.fromkeys(ids):
            found.setdefault(each, []).append(meta["rule"])
    return _without(facts, set(found)), tuple(
        LeftOut(each, tuple(why)) for each, why in sorted(found.items())
    )


def _says(sentence: str) -> dict[str, str]:
    return {"rule": sentence}


def _durations(facts: Facts) -> Any:
    """Return how long everything took, in seconds, row by row."""
    cases, requests, changes = facts.cases, facts.requests, facts.changes
    frame = cases[["id", "outcome"]].copy()
    for column, begin, end in (
        ("to_acknowledge", "opened_at", "acknowledged_at"),
        ("to_look", "opened_at", "looked_at"),
        ("to_change", "opened_at", "changed_at"),
        ("to_verify", "opened_at", "verified_at"),
        ("change_to_verify", "changed_at", "verified_at"),
        ("fix_to_again", "fixed_at", "again_at"),
    ):
        frame[column] = (cases[end] - cases[begin]).dt.total_seconds()
        if begin == "opened_at":  # of a run that no incident was opened for, nobody knows
            frame[column] = frame[column].where(cases["incident"])
    waited = (requests["decided_at"] - requests["requested_at"]).dt.total_seconds()
    lasted = (changes["ended_at"] - changes["created_at"]).dt.total_seconds()
    frame["waited"] = frame["id"].map(waited.groupby(requests["case_id"]).min())
    frame["lasted"] = frame["id"].map(lasted.groupby(changes["case_id"]).min())
    return frame


def _without(facts: Facts, ids: set[str]) -> Facts:
    if not ids:
        return facts
    return replace(
        facts,
        cases=facts.cases[~facts.cases["id"].isin(ids)],
        requests=facts.requests[~facts.requests["case_id"].isin(ids)],
        changes=facts.changes[~facts.changes["case_id"].isin(ids)],
    )
