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


class Filters(NamedTuple):
    """What is wanted; None is whatever there is."""

    state: str | None = None
    playbook: str | None = None
    target: str | None = None
    since: datetime | None = None
    outcome: str | None = None


def newest(engine: sa.Engine, limit: int, filters: Filters) -> list[Listed]:
    """Return those that fulfil every filter."""
    both = sa.union_all(
        _chosen(_incidents(filters), filters, limit), _chosen(_runs(filters.since), filters, limit)
    ).subquery()
    return read(engine, Listed, sa.select(both).order_by(both.c.at.desc()).limit(limit))


def _chosen(
    asked: sa.Select[tuple[object, ...]], filters: Filters, limit: int
) -> sa.Select[tuple[object, ...]]:
    """Filter one kind, and take no more of it than are shown."""
    rows = asked.subquery()
    wanted = [
        rows.c[name] == value
        for name, value in filters._asdict().items()
        if name != "since" and value is not None
    ]
    chosen = sa.select(rows).where(*wanted).order_by(rows.c.at.desc()).limit(limit).subquery()
    return sa.select(chosen)


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
