"""The deliveries that came in and what became of them, for people: read, and never changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter

from cct_ops.ledger.intake.deliveries import NOT_UNDERSTOOD
from cct_ops.ledger.intake.outbox import DEAD_LETTERED, GROUPED, NOTICE, REMEDIATE, describe_notice
from cct_ops.ledger.intake.tables import alerts, deliveries, dispatches, incidents
from cct_ops.ledger.record.tables import decisions
from cct_ops.ledger.statements import Ledger, rows, within
from cct_ops.models.base import Frozen

INDEXED = 200  # characters of a name
MOST = 200  # arrivals about one thing; what is more is no story that anybody reads


class Arrived(Frozen):
    """One alert of one delivery, or a delivery without alerts, and how far it got."""

    received_at: datetime
    last_received_at: datetime
    delivery_id: UUID
    source: str
    status: str
    copies: int
    note: str | None
    alertname: str | None
    verdict: str | None
    incident_id: UUID | None
    dispatch: str | None
    dispatch_note: str | None
    playbook: str | None
    flow_run_id: UUID | None
    notice: str | None = None
    notified_at: datetime | None = None
    undelivered: str | None = None
    stopped: str | None = None
    admitted_by: str | None = None

    @property
    def again(self) -> str:
        """Say how often the same body came and when it came last; nothing if it came once."""
        if self.copies == 1:
            return ""
        return f" ({self.copies} copies, the last {self.last_received_at:%Y-%m-%d %H:%M:%S})"

    @property
    def waits(self) -> bool:
        """True if somebody still has to do something about it."""
        unread = self.status in NOT_UNDERSTOOD and self.verdict is None
        return unread or self.dispatch in _UNFINISHED or self.notice in _UNFINISHED

    @property
    def became(self) -> str:
        """Say in a few words what became of it."""
        if self.status == "quarantined":
            return f"quarantined: {self.note}"
        if self.verdict is None and self.status == "ignored":
            return f"ignored: {self.note or 'no alert in it'}"
        if self.verdict is None:
            return self.note or "no alert in it"
        if self.verdict in {"opened", "reopened"} and self.dispatch is not None:
            return self._of_dispatch()
        return _VERDICTS[self.verdict]

    def _of_dispatch(self) -> str:
        match self.dispatch:
            case "sent":
                stopped = f", blocked: {self.stopped}" if self.stopped else ""
                return f"run {self.flow_run_id} of {self.playbook}{stopped}"
            case "pending":
                return f"waits: {self.dispatch_note or 'not tried yet'}"
            case "notified":
                return self._notified("unmatched")
            case "grouped":
                return self.dispatch_note or "part of a burst"
            case _:
                return self._notified("blocked")

    def _notified(self, word: str) -> str:
        """Add to the word whether people were notified; nothing where there was no notice."""
        if self.notice is None:
            return f"{word}: {self.dispatch_note}"
        said = describe_notice(self.notice, self.notified_at, self.undelivered)
        if self.notified_at is not None:
            return f"{word}, {said}: {self.dispatch_note}"
        return f"{word}, {said} ({self.dispatch_note})"


_VERDICTS = {
    "opened": "opened an incident",
    "reopened": "opened its incident again",
    "seen": "duplicate: its incident is open already",
    "closed": "closed its incident",
    "late": "late: about something that was over by then",
    "unknown": "the end of something that was never heard of",
}

_UNFINISHED = ("pending", DEAD_LETTERED, GROUPED)
_notices = dispatches.alias("notices")

# The same body can come again as news, and then each of its alerts has a time of its own.
_CAME_AT = sa.func.coalesce(alerts.c.received_at, deliveries.c.received_at)

# What was set aside of a delivery is no alert of the ledger, and is shown beside those that are.
_OF_DELIVERY = {"received_at", "last_received_at", "delivery_id", "source", "status", "copies"}
_SET_ASIDE = dict.fromkeys(Arrived.model_fields.keys() - _OF_DELIVERY - {"note", "admitted_by"})

# Literally so for the partial indexes.
BACKLOG = {
    "incidents open": "select count(*) from incidents where state = 'open'",
    "dispatches pending": "select count(*) from dispatches where state = 'pending'",
    "dispatches dead-lettered": "select count(*) from dispatches where state = 'dead-lettered'",
    "deliveries quarantined": "select count(*) from deliveries"
    " where status in ('partial', 'quarantined')",
}

_ARRIVED = TypeAdapter(tuple[Arrived, ...])


def newest(engine: sa.Engine, limit: int, *, unfinished: bool = False) -> Sequence[Arrived]:
    """Return the newest arrivals, or only those that wait for somebody."""
    asked = _arrivals().order_by(deliveries.c.received_at.desc(), alerts.c.id.desc()).limit(limit)
    if unfinished:
        asked = _waiting(asked)
    found = sorted(_read(engine, asked), key=lambda each: each.received_at, reverse=True)
    return [each for each in found if each.waits] if unfinished else found


class Place(NamedTuple):
    """Where the list goes on: behind this alert of this delivery."""

    received_at: datetime
    delivery_id: UUID
    alert: int


def page(
    ledger: Ledger, limit: int, *, after: Place | None = None, unfinished: bool = False
) -> list[tuple[Place, Arrived]]:
    """Return the newest arrivals behind a place, or only those that wait for somebody."""
    keys = (deliveries.c.received_at, deliveries.c.id, sa.func.coalesce(alerts.c.id, 0))
    names = [key.label(f"key_{number}") for number, key in enumerate(keys)]
    asked = _arrivals().add_columns(*names).order_by(*(key.desc() for key in keys)).limit(limit)
    if unfinished:
        asked = _waiting(asked)
    if after is not None:
        asked = asked.where(
            deliveries.c.received_at <= after.received_at,
            sa.tuple_(*keys) < sa.tuple_(*map(sa.literal, after)),
        )
    found = []
    for row in rows(ledger, asked):
        said = row._asdict()
        place = Place(*(said.pop(key.name) for key in names))
        found.append((place, Arrived.model_validate(said)))
    return found


def count_backlog(ledger: Ledger) -> Mapping[str, int]:
    """Count what is not finished, in words that people and Prometheus share."""
    return within(
        ledger,
        lambda tx: {name: tx.scalar(sa.text(asked)) or 0 for name, asked in BACKLOG.items()},
        repeatable=True,
    )


def about(engine: sa.Engine, wanted: str) -> Sequence[Arrived]:
    """Return what arrived about an incident, a delivery, a run or an alert; oldest first."""
    try:
        chosen = _named(UUID(wanted))
    except ValueError:
        name = alerts.c.labels["alertname"].astext
        # By its beginning first: that is what the index holds.
        called = (sa.func.left(name, INDEXED) == wanted[:INDEXED]) & (name == wanted)
        newest = sa.select(alerts.c.id).where(called).order_by(alerts.c.id.desc()).limit(MOST)
        chosen = alerts.c.id.in_(newest)
    newest_first = _arrivals().where(chosen).order_by(_CAME_AT.desc(), alerts.c.id.desc())
    return _read(engine, newest_first.limit(MOST))[::-1]


def names(engine: sa.Engine) -> Sequence[str]:
    """Return the names of the newest alerts, each once."""
    called = alerts.c.labels["alertname"].astext.label("called")
    newest = sa.select(called).order_by(alerts.c.id.desc()).limit(MOST * 10).subquery()
    with engine.connect() as connection:
        found = connection.execute(sa.select(newest.c.called).distinct()).scalars()
        return [name for name in found if name]


def labels(
    engine: sa.Engine, incident_ids: Collection[UUID]
) -> Sequence[tuple[str, Mapping[str, str]]]:
    """Return the source and the labels of each incident."""
    asked = sa.select(incidents.c.source, incidents.c.labels).where(
        incidents.c.id.in_(incident_ids)
    )
    with engine.connect() as connection:
        return [(row.source, row.labels) for row in connection.execute(asked)]


def _named(wanted: UUID) -> sa.ColumnElement[bool]:
    """Choose by an id: by indexes alone, because the ledger keeps everything."""
    started = sa.select(dispatches.c.incident_id).where(dispatches.c.flow_run_id == wanted)
    about = sa.select(alerts.c.delivery_id).where(
        alerts.c.incident_id.in_(started.union(sa.select(sa.literal(wanted))))
    )
    itself = sa.select(deliveries.c.id).where(deliveries.c.id == wanted)
    return deliveries.c.id.in_(about.union(itself)) & (
        (incidents.c.id == wanted)
        | (deliveries.c.id == wanted)
        | (dispatches.c.flow_run_id == wanted)
    )


def _waiting(asked: sa.Select[tuple[object, ...]]) -> sa.Select[tuple[object, ...]]:
    """Choose what waits, by the indexes of what is unfinished: the ledger keeps everything."""
    owed = sa.select(dispatches.c.incident_id).where(dispatches.c.state.in_(_UNFINISHED))
    about = sa.select(alerts.c.delivery_id).where(alerts.c.incident_id.in_(owed))
    unread = sa.select(deliveries.c.id).where(deliveries.c.status.in_(NOT_UNDERSTOOD))
    return asked.where(deliveries.c.id.in_(about.union(unread))).where(
        deliveries.c.status.in_(NOT_UNDERSTOOD)
        | dispatches.c.state.in_(_UNFINISHED)
        | _notices.c.state.in_(_UNFINISHED)
    )


def _arrivals() -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(
            _CAME_AT.label("received_at"),
            deliveries.c.last_received_at,
            deliveries.c.id.label("delivery_id"),
            deliveries.c.source,
            deliveries.c.status,
            deliveries.c.copies,
            deliveries.c.note,
            deliveries.c.admitted_by,
            alerts.c.labels["alertname"].astext.label("alertname"),
            alerts.c.verdict,
            incidents.c.id.label("incident_id"),
            dispatches.c.state.label("dispatch"),
            dispatches.c.note.label("dispatch_note"),
            dispatches.c.playbook,
            dispatches.c.flow_run_id,
            _notices.c.state.label("notice"),
            _notices.c.notified_at.label("notified_at"),
            _notices.c.undelivered.label("undelivered"),
            _stopped().label("stopped"),
        )
        .select_from(deliveries)
        .outerjoin(alerts, alerts.c.delivery_id == deliveries.c.id)
        .outerjoin(incidents, incidents.c.id == alerts.c.incident_id)
        .outerjoin(
            dispatches,
            (dispatches.c.incident_id == incidents.c.id) & (dispatches.c.purpose == REMEDIATE),
        )
        .outerjoin(
            _notices, (_notices.c.incident_id == incidents.c.id) & (_notices.c.purpose == NOTICE)
        )
    )


def _stopped() -> sa.ScalarSelect[str | None]:
    """Why a guard stopped the run, where its last decision says so."""
    reason = sa.case((decisions.c.guard.is_not(None), decisions.c.reason))
    of_run = sa.select(reason).where(decisions.c.run_id == dispatches.c.flow_run_id)
    return of_run.order_by(decisions.c.id.desc()).limit(1).scalar_subquery()


def _read(engine: sa.Engine, asked: sa.Select[tuple[object, ...]]) -> list[Arrived]:
    with engine.connect() as connection:
        found = _ARRIVED.validate_python(
            [dict(row) for row in connection.execute(asked).mappings()]
        )
    shown: list[Arrived] = []
    for each in found:
        known = each.status != "partial" or any(s.delivery_id == each.delivery_id for s in shown)
        shown += [each] if known else [each.model_copy(update=_SET_ASIDE), each]
    return shown
