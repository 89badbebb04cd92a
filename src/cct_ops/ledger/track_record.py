"""How well a playbook did on a class of targets, computed from the record."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from cct_ops.ledger.schema import decisions, permits, resolutions, verifications
from cct_ops.ledger.sql import now
from cct_ops.models.autonomy import BadFix, Flaw, TargetClass, TrackRecord
from cct_ops.models.outcome import Outcome
from cct_ops.models.targets import like
from cct_ops.models.verification import Verdict

UNDO_FAILED = "undo failed"  # the gate's verdict; what was changed is still changed


def of(
    tx: sa.Connection,
    playbook: str,
    targets: TargetClass,
    *,
    recurs_within_hours: float,
    clean_since: datetime | None,
    wanted_again: str | None = None,
) -> TrackRecord:
    """
    Read the record since ``clean_since``.

    ``wanted_again`` is a target that needs a change right now: a recent fix of it did not last.
    """
    patterns = [like(pattern) for pattern in targets.patterns]
    within = timedelta(hours=recurs_within_hours)

    def of_class(
        table: sa.Table, moment: sa.ColumnElement[datetime]
    ) -> tuple[sa.ColumnElement[bool], ...]:
        """Which rows of a table are this record's."""
        return (
            table.c.playbook == playbook,
            sa.or_(*(table.c.target.like(pattern, escape="\\") for pattern in patterns)),
            *((moment > clean_since,) if clean_since else ()),
        )

    ended = of_class(resolutions, resolutions.c.finished_at)
    bad = (
        _newest(tx, _failures().where(*ended)),
        _newest(tx, _recurrences(within).where(*ended)),
        _recurring_now(tx, playbook, wanted_again, within, clean_since),
    )
    ineffective = max((each for each in bad if each), key=lambda each: each.at, default=None)
    harmful = _newest(tx, _harms().where(*of_class(decisions, decisions.c.decided_at)))
    last_bad_at = max((each.at for each in (ineffective, harmful) if each), default=None)
    good = sa.select(sa.func.count()).where(*ended, _fixed())
    if last_bad_at is not None:
        good = good.where(resolutions.c.finished_at > last_bad_at)
    return TrackRecord(
        ineffective=ineffective, harmful=harmful, verified_fixes=tx.execute(good).scalar_one()
    )


def targets(tx: sa.Connection, playbook: str) -> list[str]:
    """Return the targets that the playbook ever changed."""
    changed = sa.select(permits.c.target).where(permits.c.playbook == playbook).distinct()
    return list(tx.execute(changed.order_by(permits.c.target)).scalars())


def _failures() -> sa.Select[tuple[datetime, str, str, str]]:
    """Changes that were made and did not end in a verified fix."""
    changed = sa.exists(
        sa.select(sa.literal(1)).where(
            permits.c.run_id == resolutions.c.run_id, permits.c.kind == "change"
        )
    )
    return sa.select(
        resolutions.c.finished_at.label("at"),
        resolutions.c.target,
        sa.literal(Flaw.INEFFECTIVE.value).label("flaw"),
        (resolutions.c.outcome + ", " + resolutions.c.reason).label("what"),
    ).where(resolutions.c.outcome != Outcome.RESOLVED, changed)


def _recurrences(within: timedelta) -> sa.Select[tuple[datetime, str, str, str]]:
    """Verified fixes whose target needed the same playbook again soon after."""
    again = (
        sa.select(sa.func.min(decisions.c.decided_at).label("at"))
        .where(
            decisions.c.playbook == resolutions.c.playbook,
            decisions.c.target == resolutions.c.target,
            decisions.c.decided_at > resolutions.c.finished_at,
            decisions.c.decided_at <= resolutions.c.finished_at + sa.literal(within, sa.Interval),
            decisions.c.run_id != resolutions.c.run_id,
        )
        .lateral("again")
    )
    return (
        sa.select(
            again.c.at,
            resolutions.c.target,
            sa.literal(Flaw.INEFFECTIVE.value).label("flaw"),
            sa.literal("its verified fix did not last").label("what"),
        )
        .select_from(resolutions.join(again, again.c.at.is_not(None)))
        .where(_fixed())
    )


def _harms() -> sa.Select[tuple[datetime, str, str, str]]:
    """Changes that failed and could not be undone either."""
    return sa.select(
        decisions.c.decided_at.label("at"),
        decisions.c.target,
        sa.literal(Flaw.HARMFUL.value).label("flaw"),
        decisions.c.reason.label("what"),
    ).where(decisions.c.verdict == UNDO_FAILED)


def _newest(tx: sa.Connection, found: sa.Select[tuple[datetime, str, str, str]]) -> BadFix | None:
    row = tx.execute(found.order_by(sa.desc("at")).limit(1)).one_or_none()
    return None if row is None else BadFix.model_validate(dict(row._mapping))  # noqa: SLF001


def _recurring_now(
    tx: sa.Connection,
    playbook: str,
    target: str | None,
    within: timedelta,
    clean_since: datetime | None,
) -> BadFix | None:
    """Return the recurrence that this very moment is, before any decision about it is written."""
    fixed_at = sa.select(sa.func.max(resolutions.c.finished_at)).where(
        resolutions.c.playbook == playbook, resolutions.c.target == target, _fixed()
    )
    moment, last = tx.execute(sa.select(now(), fixed_at.scalar_subquery())).one()
    if target is None or last is None or moment - last > within:
        return None
    if clean_since is not None and last < clean_since:
        return None
    return BadFix(
        at=moment, target=target, flaw=Flaw.INEFFECTIVE, what="its verified fix did not last"
    )


def _fixed() -> sa.ColumnElement[bool]:
    return (resolutions.c.outcome == Outcome.RESOLVED) & sa.exists(
        sa.select(sa.literal(1)).where(
            verifications.c.run_id == resolutions.c.run_id,
            verifications.c.verdict == Verdict.HOLDS,
        )
    )
