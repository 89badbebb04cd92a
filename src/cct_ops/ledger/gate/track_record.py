"""The track record of a playbook on a class of targets, computed from the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from cct_ops.ledger.clock import now
from cct_ops.ledger.gate.guards import held, nothing_done
from cct_ops.ledger.gate.tables import permits
from cct_ops.ledger.record import account
from cct_ops.ledger.record.tables import decisions, resolutions
from cct_ops.models.autonomy import BadFix, Flaw, TargetClass, TrackRecord
from cct_ops.models.base import like
from cct_ops.models.run import Outcome

_EVER = datetime(1, 1, 1, tzinfo=UTC)
_FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_DID_NOT_LAST = sa.literal("its verified fix did not last")

_PLAYBOOK = sa.bindparam("playbook", type_=sa.Text)
_PATTERNS = sa.bindparam("patterns", type_=ARRAY(sa.Text))
_SINCE = sa.bindparam("since", type_=sa.DateTime(timezone=True))
_UNTIL = sa.bindparam("until", type_=sa.DateTime(timezone=True))
_WITHIN = sa.bindparam("within", type_=sa.Interval)
_WANTED_AGAIN = sa.bindparam("wanted_again", type_=sa.Text)


def of(
    tx: sa.Connection,
    playbook: str,
    targets: TargetClass,
    *,
    recurs_within_hours: float,
    clean_since: datetime | None,
    wanted_again: str | None = None,
    until: datetime | None = None,
) -> TrackRecord:
    """
    Read the record since ``clean_since``, as it was at the moment ``until``.

    ``wanted_again`` is a target that needs a change right now: a recent fix of it did not last.
    """
    asked: dict[str, Any] = {
        "playbook": playbook,
        "patterns": [like(pattern) for pattern in targets.patterns],
        "since": clean_since or _EVER,
        "until": until or _FOR_EVER,
    }
    within = timedelta(hours=recurs_within_hours)
    rows = tx.execute(_BAD, asked | {"within": within, "wanted_again": wanted_again})
    bad = [BadFix.model_validate(row, from_attributes=True) for row in rows]
    after = max((each.at for each in bad), default=asked["since"])
    return TrackRecord(
        ineffective=_newest(bad, Flaw.INEFFECTIVE),
        harmful=_newest(bad, Flaw.HARMFUL),
        verified_fixes=tx.execute(_GOOD, asked | {"since": after}).scalar_one(),
    )


def targets(tx: sa.Connection, playbook: str) -> list[str]:
    """Return the targets that the playbook ever changed."""
    changed = sa.select(permits.c.target).where(permits.c.playbook == playbook).distinct()
    return list(tx.execute(changed.order_by(permits.c.target)).scalars())


def _newest(bad: list[BadFix], flaw: Flaw) -> BadFix | None:
    return max((each for each in bad if each.flaw is flaw), key=lambda each: each.at, default=None)


def _of_class(table: sa.Table, moment: sa.ColumnElement[Any]) -> tuple[sa.ColumnElement[bool], ...]:
    """Which rows of a table are this record's."""
    return (
        table.c.playbook == _PLAYBOOK,
        table.c.target.like(sa.any_(_PATTERNS)),
        moment > _SINCE,
        moment <= _UNTIL,
    )


def _bad(
    flaw: Flaw, at: sa.ColumnElement[Any], target: sa.ColumnElement[Any], what: Any
) -> sa.Select[Any]:
    """Select what a ``BadFix`` is made of."""
    return sa.select(
        at.label("at"),
        target.label("target"),
        sa.literal(flaw.value).label("flaw"),
        what.label("what"),
    )


def _failures() -> sa.Select[Any]:
    """Changes that were made, and not merely refused, and did not end in a verified fix."""
    permit = sa.select(permits.c.id).where(
        permits.c.run_id == resolutions.c.run_id, permits.c.kind == sa.literal_column("'change'")
    )
    ended = resolutions.c
    what = ended.outcome + sa.literal(", ") + ended.reason
    return _bad(Flaw.INEFFECTIVE, ended.finished_at, ended.target, what).where(
        *_of_class(resolutions, ended.finished_at),
        ended.outcome != Outcome.RESOLVED,
        permit.limit(1).scalar_subquery().is_not(None),
        ~nothing_done(resolutions.c.run_id),
    )


def _recurrences() -> sa.Select[Any]:
    """Verified fixes whose target needed the same playbook again soon after."""
    ended = resolutions.c
    again = (
        sa.select(sa.func.min(decisions.c.decided_at).label("at"))
        .where(
            decisions.c.playbook == ended.playbook,
            decisions.c.target == ended.target,
            decisions.c.decided_at > ended.finished_at,
            decisions.c.decided_at <= _UNTIL,
            decisions.c.decided_at <= ended.finished_at + _WITHIN,
            decisions.c.run_id != ended.run_id,
        )
        .lateral("again")
    )
    return (
        _bad(Flaw.INEFFECTIVE, again.c.at, ended.target, _DID_NOT_LAST)
        .select_from(resolutions.join(again, again.c.at.is_not(None)))
        .where(*_of_class(resolutions, ended.finished_at), _FIXED)
    )


def _recurrence_now() -> sa.Select[Any]:
    """The recurrence that this very moment is, before any decision about it is written."""
    ended = resolutions.c
    return _bad(Flaw.INEFFECTIVE, now(), ended.target, _DID_NOT_LAST).where(
        *_of_class(resolutions, ended.finished_at),
        ended.target == _WANTED_AGAIN,
        ended.finished_at >= now() - _WITHIN,
        _FIXED,
    )


def _harms() -> sa.Select[Any]:
    """Changes that failed and could not be undone either."""
    said = decisions.c
    return _bad(Flaw.HARMFUL, said.decided_at, said.target, said.reason).where(
        *_of_class(decisions, said.decided_at), said.verdict == account.UNDO_FAILED
    )


_FIXED = (resolutions.c.outcome == Outcome.RESOLVED) & held(resolutions.c.run_id)

# The newest of each way to be bad.
_BAD = sa.union_all(
    *(
        sa.select(found.order_by(sa.desc("at")).limit(1).subquery())
        for found in (_failures(), _recurrences(), _recurrence_now(), _harms())
    )
)

_GOOD = sa.select(sa.func.count()).where(*_of_class(resolutions, resolutions.c.finished_at), _FIXED)
