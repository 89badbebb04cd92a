"""Lists what there are accounts of: incidents, and runs that were for none, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.sql.selectable import LateralFromClause

from cct_ops.ledger.gate.tables import run_leases
from cct_ops.ledger.intake.outbox import DEAD_LETTERED, GROUPED, REMEDIATE
from cct_ops.ledger.intake.tables import dispatches, incidents
from cct_ops.ledger.record.tables import decisions, resolutions
from cct_ops.ledger.statements import read
from cct_ops.models.base import Frozen
from cct_ops.models.run import Outcome, Starter

OPEN, CLOSED = "open", "closed"
NO_RUN = {
    "pending": "waits",
    "notified": "no run",
    DEAD_LETTERED: "dead-lettered",
    GROUPED: "grouped",
    "sent": "at work",
}
"""What is listed as the outcome of an incident no run of which has ended."""

OUTCOMES = (*(outcome.value for outcome in Outcome), *NO_RUN.values())


class Listed(Frozen):
    """One incident, or one run that was for none; ``began_by`` is its sender or who started it."""

    id: UUID
    at: datetime
    what: str
    began_by: str
    playbook: str | None
    target: str | None
    state: str
    outcome: str | None
    reason: str | None
    run_id: UUID | None


class Place(NamedTuple):
    """Where a list goes on: behind this moment, and of the same moment behind this id."""

    at: datetime
    id: UUID


class Filters(NamedTuple):
    """
    What is wanted; None is whatever there is.

    ``conditions`` are those of incidents alone: with them there are no runs for none.
    """

    state: str | None = None
    playbook: str | None = None
    target: str | None = None
    since: datetime | None = None
    outcome: str | None = None
    after: Place | None = None
    conditions: tuple[sa.ColumnElement[bool], ...] = ()


def newest(engine: sa.Engine, limit: int, filters: Filters) -> list[Listed]:
    """Return those that fulfil every filter."""
    parts = [_chosen(_incidents(filters), filters, limit)]
    if filters.state != OPEN and not filters.conditions:
        parts.append(_chosen(_runs(filters.since), filters, limit))
    found = sa.union_all(*parts).subquery()
    newest_first = sa.select(found).order_by(found.c.at.desc(), found.c.id.desc())
    return read(engine, Listed, newest_first.limit(limit))


def _chosen(
    asked: sa.Select[tuple[object, ...]], filters: Filters, limit: int
) -> sa.Select[tuple[object, ...]]:
    """Filter one kind, and take no more of it than are shown."""
    rows = asked.subquery()
    wanted = [
        rows.c[name] == value
        for name in ("state", "playbook", "target", "outcome")
        if (value := getattr(filters, name)) is not None
    ]
    if filters.after is not None:
        # The first is for the index of moments, the second for those of one moment.
        at, id_ = map(sa.literal, filters.after)
        wanted += [rows.c.at <= at, sa.tuple_(rows.c.at, rows.c.id) < sa.tuple_(at, id_)]
    newest_first = sa.select(rows).where(*wanted).order_by(rows.c.at.desc(), rows.c.id.desc())
    return sa.select(newest_first.limit(limit).subquery())


def _incidents(filters: Filters) -> sa.Select[tuple[object, ...]]:
    ended = _last(resolutions, resolutions.c.finished_at)
    decided = _last(decisions, decisions.c.id)
    asked = (
        sa.select(
            incidents.c.id,
            incidents.c.opened_at.label("at"),
            sa.func.coalesce(incidents.c.labels["alertname"].astext, "-").label("what"),
            incidents.c.source.label("began_by"),
            sa.func.coalesce(ended.c.playbook, decided.c.playbook, dispatches.c.playbook).label(
                "playbook"
            ),
            sa.func.coalesce(ended.c.target, decided.c.target).label("target"),
            incidents.c.state,
            sa.func.coalesce(ended.c.outcome, sa.case(NO_RUN, value=dispatches.c.state)).label(
                "outcome"
            ),
            sa.func.coalesce(ended.c.reason, dispatches.c.note).label("reason"),
            sa.func.coalesce(ended.c.run_id, decided.c.run_id, dispatches.c.flow_run_id).label(
                "run_id"
            ),
        )
        .select_from(incidents)
        .outerjoin(
            dispatches,
            (dispatches.c.incident_id == incidents.c.id) & (dispatches.c.purpose == REMEDIATE),
        )
        .outerjoin(ended, sa.true())
        .outerjoin(decided, sa.true())
    )
    if filters.since is not None:
        asked = asked.where(incidents.c.opened_at >= filters.since)
    return asked.where(*_possible(filters))


def _possible(filters: Filters) -> Iterator[sa.ColumnElement[bool]]:
    """
    Yield what must hold of an incident for it to fulfil the filters, over whole tables at once.

    Else each incident that there ever was would be looked at by itself where few fulfil them.
    """
    yield from filters.conditions
    if filters.state == OPEN:
        yield incidents.c.state == sa.literal_column("'open'")  # so for the index of what is open
    for name, tables in (
        ("playbook", (resolutions, decisions, dispatches)),
        ("target", (resolutions, decisions)),
    ):
        wanted = getattr(filters, name)
        if wanted is not None:
            yield incidents.c.id.in_(
                sa.union_all(
                    *(
                        sa.select(each.c.incident_id).where(each.c[name] == wanted)
                        for each in tables
                    )
                )
            )
    if filters.outcome is not None:
        states = [state for state, word in NO_RUN.items() if word == filters.outcome]
        yield incidents.c.id.in_(
            sa.union_all(
                sa.select(resolutions.c.incident_id).where(
                    resolutions.c.outcome == filters.outcome
                ),
                sa.select(dispatches.c.incident_id).where(dispatches.c.state.in_(states)),
            )
        )


def _last(table: sa.Table, by: sa.Column[object]) -> LateralFromClause:
    """Take the newest row of an incident."""
    newest_first = sa.select(table).where(table.c.incident_id == incidents.c.id)
    return newest_first.order_by(by.desc()).limit(1).lateral(f"last_{table.name}")


def _runs(since: datetime | None) -> sa.Select[tuple[object, ...]]:
    """Select the runs that have ended and were for no incident."""
    started = run_leases.c.started_as
    by = sa.case(
        (started == Starter.PERSON, run_leases.c.started_by),
        (started == Starter.PREFECT, "somebody in Prefect"),
        else_=sa.func.coalesce(started, "-"),
    )
    asked = (
        sa.select(
            resolutions.c.run_id.label("id"),
            resolutions.c.finished_at.label("at"),
            sa.literal("a run").label("what"),
            by.label("began_by"),
            resolutions.c.playbook,
            resolutions.c.target,
            sa.literal(CLOSED).label("state"),
            resolutions.c.outcome,
            resolutions.c.reason,
            resolutions.c.run_id,
        )
        .outerjoin(run_leases, run_leases.c.run_id == resolutions.c.run_id)
        .where(resolutions.c.incident_id.is_(None))
    )
    return asked if since is None else asked.where(resolutions.c.finished_at >= since)
