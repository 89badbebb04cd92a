"""
What guards need to know, read from the record in one statement, hence of one moment.

No guard keeps a state of its own: each is computed from what was decided, permitted, verified and
concluded. So nothing can be forgotten at a restart, and a repaired record repairs the guard.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.clock import now
from cct_ops.ledger.gate.declared_tables import maintenance_windows as windows
from cct_ops.ledger.gate.tables import actions, approvals, holds, permits, switches
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.record.tables import resolutions, verifications
from cct_ops.models.guards import Facts, Guard, GuardResult, GuardSettings, Intent, Rules, judge
from cct_ops.models.maintenance import Declared
from cct_ops.models.run import Outcome
from cct_ops.models.verification import Verdict

# Any constant will do; whoever issues a permit for a change takes it.
_GATE = 0x0CC7_6A7E
_HOUR = timedelta(hours=1)

# A moment of the ledger's clock as a row: unlike the clock itself, an index can be searched by it.
_clock = sa.select(now().label("now")).cte("clock").prefix_with("MATERIALIZED")
_NOW = _clock.c.now
_NONE = sa.text("'[]'::jsonb")

_PLAYBOOK = sa.bindparam("playbook", type_=sa.Text)
_TARGET = sa.bindparam("target", type_=sa.Text)
_OWN_RUN = sa.bindparam("own_run_id", type_=sa.Uuid)


def serialise(tx: sa.Connection) -> None:
    """Wait until no other transaction is between looking at the guards and issuing a permit."""
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_GATE)))


def guard_results(tx: sa.Connection, intent: Intent, rules: Rules) -> tuple[GuardResult, ...]:
    """Return where every guard stands; just one that stops everything if they cannot be read."""
    try:
        facts = _facts(tx, intent, rules.settings)
    except sa.exc.SQLAlchemyError as error:
        # The transaction is of no more use: nothing else can be written in it.
        said = f"the ledger answered with {type(error).__name__}, so nothing new is let through"
        return (GuardResult(guard=Guard.UNREADABLE, stops=True, detail=said),)
    return tuple(judge(intent, facts, rules))


def first_stop(tx: sa.Connection, intent: Intent, rules: Rules) -> GuardResult | None:
    """Return the first guard that stops the intent, or None if all let it through."""
    return next((each for each in guard_results(tx, intent, rules) if each.stops), None)


def waiting_run(tx: sa.Connection, intent: Intent) -> UUID | None:
    """
    Return the run of the playbook that waits for approval to change the same target, if any.

    None for a run that has asked itself: it is not merged any more.
    """
    asked = sa.exists(sa.select(approvals.c.id).where(approvals.c.run_id == intent.run_id))
    pending = sa.select(approvals.c.run_id).where(
        approvals.c.playbook == intent.playbook,
        approvals.c.target == intent.target,
        approvals.c.state == sa.literal_column("'pending'"),
        approvals.c.expires_at > now(),
        ~asked,
    )
    return tx.execute(pending.order_by(approvals.c.requested_at).limit(1)).scalar_one_or_none()


def merged(intent: Intent, run_id: UUID) -> GuardResult:
    """Say into which run this one is merged."""
    return GuardResult(
        guard=Guard.MERGE,
        stops=True,
        detail=f"run {run_id} waits for approval to change {intent.target}; that decides for both",
    )


def _facts(tx: sa.Connection, intent: Intent, settings: GuardSettings) -> Facts:
    row = tx.execute(
        _FACTS,
        {
            "playbook": intent.playbook,
            "target": intent.target,
            "own_run_id": intent.run_id,
            "incident_id": intent.incident_id,
            "storm_window": timedelta(minutes=settings.storm.within_minutes),
            "recurrence_window": timedelta(hours=settings.recurring_fixes.within_hours),
        },
    ).one()
    return Facts.model_validate({**row._mapping, "labels": row.labels or {}})  # noqa: SLF001


def _switch() -> sa.FromClause:
    columns = sa.select(switches.c.stopped, switches.c.reason, switches.c.person)
    return columns.order_by(switches.c.id.desc()).limit(1).lateral("switch")


def _hold() -> sa.FromClause:
    """The standing hold that ends last."""
    standing = sa.select(holds.c.until, holds.c.reason, holds.c.person).where(
        holds.c.target == _TARGET, holds.c.released_at.is_(None), holds.c.until > _NOW
    )
    return standing.order_by(holds.c.until.desc()).limit(1).lateral("hold")


def _declared() -> sa.Label[Any]:
    """The maintenance that is going on, whatever it is about."""
    columns = [windows.c[name] for name in Declared.model_fields]
    going_on = (
        sa.select(*columns)
        .where(windows.c.ended_at.is_(None), windows.c.starts_at <= _NOW, windows.c.ends_at > _NOW)
        .subquery("window")
    )
    whole: sa.ColumnElement[Any] = sa.func.to_jsonb(going_on.table_valued())
    return _one("declared", sa.select(sa.func.coalesce(sa.func.jsonb_agg(whole), _NONE)))


def _failed() -> sa.FromClause:
    """
    Attempts of other runs since the last verified fix that ended in anything but one.

    A run that died without a conclusion counts once its permit is over.
    """
    last_fix = (
        sa.select(resolutions.c.finished_at)
        .where(*_VERIFIED_FIX)
        .order_by(resolutions.c.finished_at.desc())
        .limit(1)
    )
    over = sa.func.coalesce(resolutions.c.finished_at, permits.c.closed_at, permits.c.expires_at)
    fixed = held(permits.c.run_id) & (
        resolutions.c.run_id.is_(None) | (resolutions.c.outcome == Outcome.RESOLVED)
    )
    return (
        sa.select(
            sa.func.count(sa.distinct(permits.c.run_id)).label("failed_attempts"),
            sa.func.max(over).label("last_failed_at"),
        )
        .select_from(permits.outerjoin(resolutions, resolutions.c.run_id == permits.c.run_id))
        .where(
            *_CHANGE_BY_ANOTHER,
            permits.c.issued_at
            > sa.func.coalesce(last_fix.scalar_subquery(), sa.text("'-infinity'::timestamptz")),
            over <= _NOW,
            ~fixed,
            ~nothing_done(permits.c.run_id),
        )
        .lateral("failed")
    )


def _query() -> sa.Select[tuple[object, ...]]:
    switch, hold, failed = _switch(), _hold(), _failed()
    return sa.select(
        _NOW,
        sa.func.coalesce(switch.c.stopped, sa.false()).label("stopped"),
        switch.c.reason.label("stop_reason"),
        switch.c.person.label("stopped_by"),
        hold.c.until.label("held_until"),
        hold.c.reason.label("hold_reason"),
        hold.c.person.label("held_by"),
        _declared(),
        _one(
            "labels",
            sa.select(incidents.c.labels).where(incidents.c.id == sa.bindparam("incident_id")),
        ),
        _one(
            "new_incidents",
            sa.select(sa.func.count()).where(
                incidents.c.opened_at > _NOW - sa.bindparam("storm_window", type_=sa.Interval)
            ),
        ),
        failed.c.failed_attempts,
        failed.c.last_failed_at,
        # Where a fix is wanted again, none of the earlier ones lasted.
        _one(
            "recurring_fixes",
            sa.select(sa.func.count()).where(
                *_VERIFIED_FIX,
                resolutions.c.finished_at
                > _NOW - sa.bindparam("recurrence_window", type_=sa.Interval),
                resolutions.c.run_id.is_distinct_from(_OWN_RUN),
            ),
        ),
        _one(
            "last_change_at", sa.select(sa.func.max(permits.c.issued_at)).where(*_CHANGE_BY_ANOTHER)
        ),
        # Permitted, carried out or not: so of two permits at once both cannot be the last one.
        _one(
            "calls_in_hour",
            sa.select(
                sa.func.coalesce(sa.func.sum(sa.func.jsonb_array_length(permits.c.calls)), 0)
            ).where(_CHANGE, permits.c.issued_at > _NOW - sa.literal(_HOUR, sa.Interval)),
        ),
    ).select_from(
        _clock.outerjoin(switch, sa.true()).outerjoin(hold, sa.true()).join(failed, sa.true())
    )


def _one(name: str, query: sa.Select[Any]) -> sa.Label[Any]:
    return query.scalar_subquery().label(name)


def held(run_id: sa.ColumnElement[UUID]) -> sa.ColumnElement[bool]:
    """
    Whether a verification of the run says that its fix holds: completed is not fixed.

    No ``exists``, which PostgreSQL may turn into a scan of all verifications there ever were.
    """
    found = sa.select(verifications.c.id).where(
        verifications.c.run_id == run_id, verifications.c.verdict == Verdict.HOLDS
    )
    return found.limit(1).scalar_subquery().is_not(None)


def nothing_done(run_id: sa.ColumnElement[UUID]) -> sa.ColumnElement[bool]:
    """True where all that the run sent was refused: it changed nothing, so it is no bad fix."""
    given = permits.alias("given")
    refused = actions.c.state == sa.literal_column("'not done'")
    found = (
        sa.select(sa.func.bool_and(refused))
        .select_from(actions.join(given, given.c.id == actions.c.permit_id))
        .where(given.c.run_id == run_id, given.c.kind == sa.literal_column("'change'"))
    )
    return sa.func.coalesce(found.scalar_subquery(), sa.false())


_CHANGE = permits.c.kind == sa.literal_column("'change'")  # literally so for the partial indexes

# A run that goes on after a crash is still the same attempt, so its own permits are out.
_CHANGE_BY_ANOTHER = (
    _CHANGE,
    permits.c.playbook == _PLAYBOOK,
    permits.c.target == _TARGET,
    permits.c.run_id.is_distinct_from(_OWN_RUN),
)

_VERIFIED_FIX = (
    resolutions.c.playbook == _PLAYBOOK,
    resolutions.c.target == _TARGET,
    resolutions.c.outcome == Outcome.RESOLVED,
    held(resolutions.c.run_id),
)

_FACTS = _query()
