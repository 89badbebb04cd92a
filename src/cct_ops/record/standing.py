"""
What is wrong at this moment: the open incidents, the most urgent first, and who has each.

Read by indexes of what is open alone, so that it costs the same however much there ever was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.gate.tables import approvals
from cct_ops.ledger.intake.outbox import REMEDIATE
from cct_ops.ledger.intake.tables import dispatches, incidents
from cct_ops.ledger.people import assignments
from cct_ops.ledger.people.acknowledgements import Acknowledgement, acknowledged, holders
from cct_ops.ledger.people.assignments import Assignment
from cct_ops.ledger.people.pages import FRESH_HOURS
from cct_ops.ledger.people.tables import acknowledgements
from cct_ops.ledger.record.tables import decisions, resolutions
from cct_ops.ledger.statements import Ledger, rows, scalar
from cct_ops.models.base import Frozen
from cct_ops.models.run import Severity
from cct_ops.record.incidents import NO_RUN

_SAID = sa.func.lower(incidents.c.labels["severity"].astext)
_IS_OPEN = incidents.c.state == sa.literal_column("'open'")
_UNKNOWN = "unknown"
Condition = sa.ColumnElement[bool]


class Standing(Frozen):
    """One open incident, with what its newest decision says, and who has it."""

    id: UUID
    opened_at: datetime
    last_seen_at: datetime
    source: str
    what: str
    severity: str
    target: str | None
    playbook: str | None
    stands: str
    headline: str | None
    run_id: UUID | None
    holder: Acknowledgement | None = None
    asked: Assignment | None = None


class Wanted(NamedTuple):
    """Which open incidents: those of a severity, and those that nobody has."""

    severity: str | None = None
    unclaimed: bool = False


class Open(Frozen):
    """The most urgent open incidents, how many there are by severity, and how many nobody has."""

    shown: tuple[Standing, ...]
    total: int
    by_severity: tuple[tuple[str, int], ...]
    unclaimed: int


def urgent(
    ledger: Ledger,
    words: Mapping[Severity, Sequence[str]],
    limit: int,
    wanted: Wanted = Wanted(),  # noqa: B008 -- immutable
) -> Open:
    """
    Return them by severity, and of the same one the newest first.

    ``words`` are those of alerts for each severity; a P0 that a playbook concluded counts as one.
    """
    grades = [(each.value, tuple(words.get(each, ()))) for each in Severity]
    grades.append((_UNKNOWN, ()))
    known = {word: grade for grade, said in grades for word in said}
    counts = _counts(ledger, known)
    chosen = [
        _newest(grade, which, limit, wanted)
        for grade, said in grades
        for which in _of_grade(grade, said, list(known))
        if wanted.severity in {None, grade} and (grade != _UNKNOWN or counts.get(grade))
    ]
    grade_of: dict[UUID, str] = {}
    # Those of a higher grade come first; a P0 by its label can be one by conclusion as well.
    for row in sorted(rows(ledger, sa.union_all(*chosen)), key=_by_urgency) if chosen else ():
        grade_of.setdefault(row.id, row.severity)
    first = list(grade_of)[:limit]
    who = holders(ledger, first)
    asked = assignments.newest(ledger, first, who)
    told = {row.id: row for row in rows(ledger, _told(first))}
    shown = [
        Standing(
            **told[each]._asdict(),
            severity=grade_of[each],
            holder=who.get(each),
            asked=asked.get(each),
        )
        for each in first
        if each in told
    ]
    total = sum(counts.values())
    return Open(
        shown=tuple(shown),
        total=total,
        by_severity=tuple((each, counts[each]) for each, _ in grades if each in counts),
        unclaimed=total - _claimed(ledger),
    )


def is_of(severity: str, words: Mapping[Severity, Sequence[str]]) -> Condition:
    """Return the condition under which an incident is of this severity, or of none that we know."""
    known = [word for said in words.values() for word in said]
    said = words.get(Severity(severity), ()) if severity != _UNKNOWN else ()
    return sa.or_(*_of_grade(severity, said, known))


def free() -> Condition:
    """Return the condition under which nobody has an incident."""
    return ~acknowledged(incidents.c.id)


def _by_urgency(row: sa.Row[Any]) -> tuple[int, float]:
    return [*Severity, _UNKNOWN].index(row.severity), -row.opened_at.timestamp()


def _of_grade(
    grade: str, said: Sequence[str], known: Sequence[str]
) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions under which an incident is of this severity, each for an index."""
    if grade == _UNKNOWN:
        yield _SAID.is_(None) | _SAID.not_in(known)
        return
    yield _SAID.in_(said)
    if grade == Severity.P0:
        yield incidents.c.id.in_(
            sa.select(decisions.c.incident_id).where(
                decisions.c.severity == sa.literal_column("'P0'"),
                decisions.c.decided_at > _a_day_ago(),
            )
        )


def _a_day_ago() -> sa.ColumnElement[datetime]:
    """The moment before which a conclusion wakes nobody; stable, so that an index serves it."""
    moment: sa.ColumnElement[datetime] = sa.func.statement_timestamp() - timedelta(
        hours=FRESH_HOURS
    )
    return moment


def _newest(
    grade: str, which: sa.ColumnElement[bool], limit: int, wanted: Wanted
) -> sa.Select[tuple[object, ...]]:
    """Select the newest that fulfil a condition."""
    free = [~acknowledged(incidents.c.id)] if wanted.unclaimed else []
    newest = (
        sa.select(incidents.c.id, sa.literal(grade).label("severity"), incidents.c.opened_at)
        .where(_IS_OPEN, which, *free)
        .order_by(incidents.c.opened_at.desc())
        .limit(limit)
    )
    return sa.select(newest.subquery())


def _asking() -> sa.Select[tuple[UUID | None]]:
    return sa.select(approvals.c.incident_id).where(
        approvals.c.state == sa.literal_column("'pending'")
    )


def _told(chosen: Sequence[UUID]) -> sa.Select[tuple[object, ...]]:
    """Select what is said of these: a few looks for each of a few."""
    newest = sa.select(decisions).where(decisions.c.incident_id == incidents.c.id)
    decided = newest.order_by(decisions.c.id.desc()).limit(1).lateral("decided")
    over = sa.select(resolutions.c.outcome, resolutions.c.reason).where(
        resolutions.c.incident_id == incidents.c.id
    )
    ended = over.order_by(resolutions.c.finished_at.desc()).limit(1).lateral("ended")
    waits = sa.case(NO_RUN, value=dispatches.c.state)
    return (
        sa.select(
            incidents.c.id,
            incidents.c.opened_at,
            incidents.c.last_seen_at,
            incidents.c.source,
            sa.func.coalesce(incidents.c.labels["alertname"].astext, "an alert").label("what"),
            sa.func.coalesce(
                decided.c.target,
                incidents.c.labels["route"].astext,
                incidents.c.labels["target"].astext,
            ).label("target"),
            sa.func.coalesce(decided.c.playbook, dispatches.c.playbook).label("playbook"),
            sa.case(
                (incidents.c.id.in_(_asking()), "waits for a yes"),
                else_=sa.func.coalesce(ended.c.outcome, decided.c.verdict, waits, "waits"),
            ).label("stands"),
            sa.func.coalesce(decided.c.headline, ended.c.reason, dispatches.c.note).label(
                "headline"
            ),
            sa.func.coalesce(decided.c.run_id, dispatches.c.flow_run_id).label("run_id"),
        )
        .select_from(incidents)
        .outerjoin(
            dispatches,
            (dispatches.c.incident_id == incidents.c.id) & (dispatches.c.purpose == REMEDIATE),
        )
        .outerjoin(decided, sa.true())
        .outerjoin(ended, sa.true())
        .where(incidents.c.id.in_(chosen))
    )


def _counts(ledger: Ledger, known: Mapping[str, str]) -> dict[str, int]:
    """
    Count what is open of each grade; ``known`` says which one a word of an alert stands for.

    PostgreSQL counts the words as they came, in a fifth of the time that it takes to grade them.
    """
    word = incidents.c.labels["severity"].astext
    counted = sa.select(word.label("word"), sa.func.count().label("number")).where(_IS_OPEN)
    found: Counter[str] = Counter()
    for row in rows(ledger, counted.group_by(sa.text("1"))):
        found[known.get((row.word or "").lower(), _UNKNOWN)] += row.number
    return found


def _claimed(ledger: Ledger) -> int:
    """Count what is open and somebody has; fewer to look at than what nobody has."""
    theirs = acknowledgements.join(incidents, incidents.c.id == acknowledgements.c.incident_id)
    counted = sa.select(sa.func.count(acknowledgements.c.incident_id.distinct()))
    return scalar(ledger, counted.select_from(theirs).where(_IS_OPEN)) or 0
