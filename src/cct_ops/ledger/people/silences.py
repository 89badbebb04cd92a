"""
Silences that people declare: for a while no notices about alerts that fulfil these matchers.

They stop no playbook, and nothing that says that a change of ours was left half done.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.errors import BadConfiguration
from cct_ops.ledger import clock
from cct_ops.ledger.clock import now
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.people.tables import silences
from cct_ops.ledger.statements import Ledger, execute, read, scalar
from cct_ops.models import matchers
from cct_ops.models.base import Frozen, counted

LONGEST_DAYS = 7
LONGEST_MATCHERS = 500

_log = logging.getLogger(__name__)


class Muted(Frozen):
    """A silence: which alerts, until when, why and by whom."""

    id: UUID
    matchers: str
    until: datetime
    reason: str
    person: str
    made_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None

    def covers(self, labels: Mapping[str, str]) -> bool:
        """True if it is about these labels."""
        return all(each.matches(labels) for each in matchers.parse(self.matchers))

    @property
    def words(self) -> str:
        """Say why nobody was notified."""
        return f"silenced by {self.person} until {self.until:%Y-%m-%d %H:%M} UTC: {self.reason}"


_STANDING = (silences.c.ended_at.is_(None), silences.c.until > now())
_COLUMNS = [silences.c[name] for name in Muted.model_fields]


def checked(written: str) -> str:
    """Return matchers as they are kept; raises ``BadConfiguration`` where they say nothing."""
    text = written.strip()
    try:
        found = matchers.parse(text)
    except ValueError as error:
        raise BadConfiguration(f"{text!r} cannot be read: {error}") from None
    # One that a label's absence fulfils would be about everything, which nobody means.
    if not text or len(text) > LONGEST_MATCHERS or all(each.matches({}) for each in found):
        raise BadConfiguration(
            "a silence needs a matcher that not every alert fulfils, such as"
            ' alertname="HighLatency"'
        )
    return text


def declare(engine: sa.Engine, silence: Muted) -> bool:
    """
    Mute the notices, once for its id; False if it stood there already.

    Raises ``BadConfiguration`` where matchers or time make no sense.
    """
    checked(silence.matchers)
    with engine.begin() as tx:
        at = clock.read(tx)
        if silence.until <= at:
            raise BadConfiguration(f"{silence.until:%Y-%m-%d %H:%M} UTC is over already")
        if silence.until - at > timedelta(days=LONGEST_DAYS):
            raise BadConfiguration(f"a silence lasts {counted(LONGEST_DAYS, 'day')} at most")
        given = silence.model_dump(include={"id", "matchers", "until", "reason", "person"})
        made = insert(silences).values(given).on_conflict_do_nothing()
        return tx.execute(made.returning(silences.c.id)).first() is not None


def end(engine: sa.Engine, silence_id: UUID, person: str) -> bool:
    """End it before its time; False where it has ended or there is none."""
    ended = sa.update(silences).where(silences.c.id == silence_id, *_STANDING)
    return execute(engine, ended.values(ended_at=now(), ended_by=person)) == 1


def standing(ledger: Ledger) -> list[Muted]:
    """Return those that count now, the next to end first."""
    return read(ledger, Muted, sa.select(*_COLUMNS).where(*_STANDING).order_by("until"))


def newest(ledger: Ledger, limit: int) -> list[Muted]:
    """Return the newest of all there were."""
    found = sa.select(*_COLUMNS).order_by(silences.c.made_at.desc()).limit(limit)
    return read(ledger, Muted, found)


def about(ledger: Ledger, labels: Mapping[str, str]) -> Muted | None:
    """Return a silence that is about an alert with these labels, the one that lasts longest."""
    return next((each for each in reversed(standing(ledger)) if _covers(each, labels)), None)


def about_incident(ledger: Ledger, incident_id: UUID | None) -> Muted | None:
    """Return a silence that is about this incident; None where there is neither."""
    if incident_id is None:
        return None
    labels = scalar(ledger, sa.select(incidents.c.labels).where(incidents.c.id == incident_id))
    return None if labels is None else about(ledger, labels)


def _covers(silence: Muted, labels: Mapping[str, str]) -> bool:
    try:
        return silence.covers(labels)
    except ValueError as error:  # rather one notice too many
        _log.warning("silence %s cannot be read and mutes nothing: %s", silence.id, error)
        return False
