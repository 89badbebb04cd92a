"""The runs of a ledger's history, each as one row: what it decided, changed, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from cct_ops.ledger.gate.guards import held, nothing_done
from cct_ops.ledger.gate.tables import approvals, permits
from cct_ops.ledger.intake.outbox import REMEDIATE
from cct_ops.ledger.intake.tables import dispatches, incidents
from cct_ops.ledger.record.account import UNDO_FAILED
from cct_ops.ledger.record.tables import decisions, resolutions
from cct_ops.models.run import Outcome
from cct_ops.replay.history import RunOfThen

REMEMBERED = timedelta(days=30)
"""So long before the history begins, runs still count for guards and for the record."""


def runs_of_then(connection: sa.Connection, since: datetime) -> Iterator[RunOfThen]:
    """Yield each run that did something since then, or so long before it that guards remember."""
    for row in connection.execute(_asked_for_runs(since)):
        decided = tuple(row.decided_at or ())
        answer = row.answer
        yield RunOfThen(
            id=row.run_id,
            at=min(filter(None, (*decided[:1], row.permitted_at, row.finished_at))),
            playbook=row.playbook,
            target=row.target,
            incident=row.incident_id,
            for_alert=row.for_alert,
            decided_at=decided,
            plan=row.plan,
            severity=row.severity,
            verdict=row.verdict,
            guard=row.guard,
            approved=_APPROVED.get(answer) if answer else None,
            persons=row.persons or 0,
            permitted_at=row.permitted_at,
            calls=row.calls or 0,
            over_at=row.over_at,
            outcome=Outcome(row.outcome) if row.outcome else None,
            finished_at=row.finished_at,
            held=row.held,
            refused=row.refused,
            undo_failed_at=row.undo_failed_at,
        )


# Void is no answer: what was to be approved was not so any more.
_APPROVED = {"approved": True, "declined": False, "expired": False}


def _asked_for_runs(since: datetime) -> sa.Select[tuple[object, ...]]:
    """Select each run that ended, decided or changed anything, as one row."""
    begin = since - REMEMBERED
    decided, permitted, asked = _decided(begin), _permitted(begin), _asked()
    ended = resolutions.c
    ids = sa.union(
        sa.select(decided.c.run_id),
        sa.select(permitted.c.run_id),
        sa.select(ended.run_id).where(ended.finished_at >= begin),
    ).cte("ids")
    got = dispatches.join(incidents, incidents.c.id == dispatches.c.incident_id)
    for_alert = sa.exists().where(
        dispatches.c.flow_run_id == ids.c.run_id,
        dispatches.c.purpose == REMEDIATE,
        incidents.c.opened_at >= since,
    )
    tables = (
        ids.outerjoin(decided, decided.c.run_id == ids.c.run_id)
        .outerjoin(permitted, permitted.c.run_id == ids.c.run_id)
        .outerjoin(resolutions, ended.run_id == ids.c.run_id)
        .outerjoin(asked, asked.c.run_id == ids.c.run_id)
    )

    def first_of(name: str) -> sa.Label[object]:
        found = (decided.c[name], permitted.c[name], ended[name])
        return sa.func.coalesce(*found).label(name)

    return (
        sa.select(
            ids.c.run_id,
            *map(first_of, ("playbook", "target", "incident_id")),
            for_alert.select_from(got).label("for_alert"),
            *(decided.c[name] for name in _OF_DECISIONS),
            *(permitted.c[name] for name in ("permitted_at", "calls", "over_at")),
            asked.c.answer,
            asked.c.persons,
            ended.outcome,
            ended.finished_at,
            held(ids.c.run_id).label("held"),
            nothing_done(ids.c.run_id).label("refused"),
        )
        .select_from(tables)
        .order_by(sa.func.coalesce(permitted.c.permitted_at, ended.finished_at), ids.c.run_id)
    )


_OF_DECISIONS = ("decided_at", "plan", "severity", "verdict", "guard", "undo_failed_at")


def _decided(begin: datetime) -> sa.CTE:
    row = decisions.c

    def first(column: sa.Column[Any], name: str, order: sa.ColumnElement[Any]) -> sa.Label[Any]:
        kind = ARRAY(column.type)
        return sa.func.array_agg(aggregate_order_by(column, order), type_=kind)[1].label(name)

    oldest, newest = row.id.asc(), row.id.desc()
    undo_failed = sa.func.max(row.decided_at).filter(row.verdict == UNDO_FAILED)
    return (
        sa.select(
            row.run_id,
            *(first(row[name], name, oldest) for name in ("playbook", "target", "incident_id")),
            first(row.plan, "plan", oldest),
            first(row.severity, "severity", oldest),
            first(row.verdict, "verdict", newest),
            first(row.guard, "guard", newest),
            sa.func.array_agg(aggregate_order_by(row.decided_at, row.id)).label("decided_at"),
            undo_failed.label("undo_failed_at"),
        )
        .where(row.decided_at >= begin)
        .group_by(row.run_id)
        .cte("decided")
    )


def _permitted(begin: datetime) -> sa.CTE:
    row = permits.c
    calls = sa.func.sum(sa.func.jsonb_array_length(row.calls))
    return (
        sa.select(
            row.run_id,
            sa.func.min(row.playbook).label("playbook"),
            sa.func.min(row.target).label("target"),
            sa.cast(sa.func.min(sa.cast(row.incident_id, sa.Text)), sa.Uuid).label("incident_id"),
            sa.func.min(row.issued_at).label("permitted_at"),
            calls.label("calls"),
            sa.func.max(sa.func.coalesce(row.closed_at, row.expires_at)).label("over_at"),
        )
        .where(row.kind == "change", row.issued_at >= begin)
        .group_by(row.run_id)
        .cte("permitted")
    )


def _asked() -> sa.CTE:
    row = approvals.c
    return (
        sa.select(row.run_id, row.state.label("answer"), row.persons)
        .distinct(row.run_id)
        .order_by(row.run_id, row.requested_at.desc())
        .cte("asked")
    )
