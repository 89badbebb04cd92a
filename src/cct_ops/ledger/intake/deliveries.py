"""
What came in: deliveries, their alerts, and the incidents that they open and close.

Several deliveries are one transaction, because a disk confirms two hundred commits a second and
senders want more. It commits as a whole before any of them is answered, so a sender that got no
answer may simply send again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from psycopg.types.json import Jsonb

from cct_ops.config.source_fields import COPIES_WITHIN_SECONDS
from cct_ops.ledger.intake import alert_effects
from cct_ops.ledger.intake.alert_effects import AlertEffect, StoredDelivery
from cct_ops.ledger.intake.episodes import ClosedAs
from cct_ops.ledger.intake.tables import expiries, incidents
from cct_ops.models.alert import Alert, AlertStatus

MAX_SENDER_ID = 200

# In the place of a key: no sender brought it, we asked; its body is a list of alerts of ours.
ADMITTED_BY = "reconciliation"

# So it begins where a person let an alert come in again: by whom, and from which delivery.
REPEATED = "repeated by "

_NOW = sa.func.statement_timestamp()

# They are stored in one order for all gateways, and their times keep the order of arrival. A body
# that comes again as news has another time; ``pauses`` says after how long, null means never.
_STORE = sa.text("""
    insert into deliveries as stored
        (source, sender_id, body_sha256, stored_sha256, body, headers, status, note, admitted_by,
        copies, received_at, last_received_at, traceparent)
    select r.source, r.sender_id, r.digest, nullif(encode(sha256(r.body), 'hex'), r.digest),
        r.body, r.headers, r.status, r.note, r.admitted_by, r.copies, t.at, t.at,
        r.traceparent
    from unnest(
        cast(:sources as text[]), cast(:sender_ids as text[]), cast(:digests as text[]),
        cast(:bodies as bytea[]), cast(:headers as jsonb[]), cast(:statuses as text[]),
        cast(:notes as text[]), cast(:keys as text[]), cast(:copies as integer[]),
        cast(:places as integer[]), cast(:traceparents as text[]))
        as r(source, sender_id, digest, body, headers, status, note, admitted_by, copies, place,
            traceparent),
    lateral (select statement_timestamp() + r.place * interval '1 microsecond' as at) t
    on conflict (source, sender_id, body_sha256) do update set
        copies = stored.copies + excluded.copies,
        last_received_at = excluded.last_received_at,
        received_at = case
            when excluded.received_at - stored.last_received_at >= make_interval(
                secs => (cast(:pauses as jsonb) ->> stored.body_sha256)::double precision)
            then excluded.received_at else stored.received_at end,
        status = excluded.status,
        note = excluded.note
    returning source, sender_id, body_sha256, id, copies, received_at, last_received_at
""")

_FIRST = sa.text("""
    select message, min(received_at) as first from alerts
    where message = any(cast(:messages as text[])) group by message
""")


class DeliveryStatus(StrEnum):
    """The state of a delivery: understood wholly, in part or not at all, or without content."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    PARTIAL = "partial"
    QUARANTINED = "quarantined"


NOT_UNDERSTOOD = (DeliveryStatus.PARTIAL, DeliveryStatus.QUARANTINED)


@dataclass(frozen=True)
class Incoming:
    """
    One authentic delivery; ``alerts`` is None for a body that was not understood.

    No alerts at all are a body that is of no interest. ``in_part`` says that some of it was not
    understood. ``stored`` is the body without the secrets in it, if some are known; its digest is
    that of the body as it came. ``headers`` are those without which the body cannot be read again.
    The same body with neither a ``sender_id`` nor a date is a copy within
    ``copies_within_seconds``, and news afterwards. ``traceparent`` is where taking it in stands in
    a trace, where there are traces.
    """

    source: str
    body: bytes
    alerts: Sequence[Alert] | None
    note: str | None = None
    sender_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    admitted_by: str | None = None
    copies_within_seconds: float = COPIES_WITHIN_SECONDS
    in_part: bool = False
    stored: bytes | None = None
    traceparent: str | None = None

    @property
    def status(self) -> DeliveryStatus:
        """The status under which it is recorded."""
        if self.alerts is None:
            return DeliveryStatus.QUARANTINED
        if self.in_part:
            return DeliveryStatus.PARTIAL
        return DeliveryStatus.ACCEPTED if self.alerts else DeliveryStatus.IGNORED

    @property
    def copy_seconds(self) -> float | None:
        """For how long the same body is a copy; None: for ever."""
        nameless = not self.sender_id and any(each.undated for each in self.alerts or ())
        return self.copies_within_seconds if nameless else None

    @property
    def identity(self) -> tuple[str, str, str]:
        """The key that a copy of this delivery shares: the same bytes under the same name."""
        name = self.sender_id
        if len(name) > MAX_SENDER_ID:
            name = hashlib.sha256(name.encode()).hexdigest()
        return self.source, name, hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True)
class Receipt:
    """The answer to the sender: ``incidents`` are those that its alerts belong to."""

    delivery_id: UUID
    incidents: tuple[UUID, ...]
    duplicate: bool
    status: DeliveryStatus


@dataclass(frozen=True)
class _Stored:
    """
    A delivery's row, as the first of its copies in this transaction left it.

    ``received_at`` is when its body came as news, and so when the original of a copy came.
    """

    id: UUID
    known: bool
    received_at: datetime
    last_received_at: datetime

    def first(self, alert: Alert, *, named: bool) -> datetime:
        """Return when the alert first came in this body."""
        return first_came(alert, self.received_at, self.last_received_at, named=named)


def first_came(
    alert: Alert, received_at: datetime, last_received_at: datetime, *, named: bool
) -> datetime:
    """
    Return when an alert first came in a body that came as news, and came last, at these moments.

    The end of something is believed whenever it comes: one that looks like a copy of the end
    before may be the only one that an open incident ever gets.
    """
    over = alert.status is AlertStatus.RESOLVED
    return last_received_at if over and not named else received_at


def record(
    engine: sa.Engine,
    source: str,
    body: bytes,
    received: Sequence[Alert] | None,
    note: str | None = None,
) -> Receipt:
    """Store one authentic delivery and return once it is durable."""
    return record_all(engine, [Incoming(source, body, received, note)])[0]


def record_all(engine: sa.Engine, arrived: Sequence[Incoming]) -> list[Receipt]:
    """Store these deliveries together and return once all are durable, in their order."""
    with engine.begin() as connection:
        rows = _store(connection, arrived)
        seen: set[tuple[str, str, str]] = set()
        stored: list[StoredDelivery] = []
        duplicates: list[bool] = []
        for each in arrived:
            row = rows[each.identity]
            duplicate = row.known or each.identity in seen
            seen.add(each.identity)
            duplicates.append(duplicate)
            alerts = tuple(
                alert.received(row.first(alert, named=bool(each.sender_id)))
                for alert in each.alerts or ()
            )
            stored.append(
                StoredDelivery(each.source, row.id, row.last_received_at, alerts, duplicate)
            )
        judged = alert_effects.judge_all(connection, _heard(connection, stored))
    return [
        Receipt(rows[each.identity].id, _touched(mine), duplicate, each.status)
        for each, mine, duplicate in zip(arrived, judged, duplicates, strict=True)
    ]


def expire(engine: sa.Engine, source: str, older_than_seconds: float) -> int:
    """Close the source's incidents that were not seen for so long; returns how many."""
    silent = (
        sa.select(incidents.c.id)
        .where(
            incidents.c.source == source,
            incidents.c.state == "open",
            incidents.c.last_seen_at < _NOW - timedelta(seconds=older_than_seconds),
        )
        .with_for_update(skip_locked=True)  # locked means: being seen right now
    )
    closed = (
        sa.update(incidents)
        .where(incidents.c.id.in_(silent))
        .values(state="closed", closed_as=ClosedAs.EXPIRED, closed_at=_NOW)
    )
    with engine.begin() as connection:
        over = connection.execute(closed.returning(incidents.c.id, incidents.c.last_seen_at)).all()
        if over:
            rows = [{"incident_id": each.id, "last_seen_at": each.last_seen_at} for each in over]
            connection.execute(sa.insert(expiries).values(source=source), rows)
        return len(over)


def _heard(connection: sa.Connection, stored: Sequence[StoredDelivery]) -> list[StoredDelivery]:
    """Give each undated alert the time at which its message first came, in whatever body."""
    names = {
        name
        for each in stored
        for alert in each.alerts
        if alert.undated and (name := each.name(alert)) is not None
    }
    found = connection.execute(_FIRST, {"messages": sorted(names)}) if names else ()
    first = {row.message: row.first for row in found}
    heard = []
    for each in stored:
        alerts = []
        for alert in each.alerts:
            name = each.name(alert) if alert.undated else None
            moment = alert.starts_at if name is None else first.setdefault(name, alert.starts_at)
            alerts.append(alert.received(moment))
        heard.append(replace(each, alerts=alerts))
    return heard


def _store(
    connection: sa.Connection, arrived: Sequence[Incoming]
) -> dict[tuple[str, str, str], _Stored]:
    """Keep the bodies; an identical one is the same delivery once more."""
    last = {each.identity: each for each in arrived}
    counts = dict.fromkeys(last, 0)
    places: dict[tuple[str, str, str], int] = {}
    for place, each in enumerate(arrived):
        counts[each.identity] += 1
        places.setdefault(each.identity, place)
    # In one order, so that two gateways with the same deliveries do not wait for each other.
    rows = sorted(last.items(), key=lambda item: item[0])
    found = connection.execute(
        _STORE,
        {
            "sources": [identity[0] for identity, _ in rows],
            "sender_ids": [identity[1] for identity, _ in rows],
            "digests": [identity[2] for identity, _ in rows],
            "bodies": [each.body if each.stored is None else each.stored for _, each in rows],
            "headers": [Jsonb(dict(each.headers)) for _, each in rows],
            "statuses": [each.status.value for _, each in rows],
            "notes": [each.note for _, each in rows],
            "keys": [each.admitted_by for _, each in rows],
            "copies": [counts[identity] for identity, _ in rows],
            "places": [places[identity] for identity, _ in rows],
            "traceparents": [each.traceparent for _, each in rows],
            "pauses": Jsonb({identity[2]: each.copy_seconds for identity, each in rows}),
        },
    )
    stored = {}
    for row in found:
        identity = (row.source, row.sender_id, row.body_sha256)
        known = row.copies > counts[identity]
        stored[identity] = _Stored(row.id, known, row.received_at, row.last_received_at)
    return stored


def _touched(judged: Sequence[AlertEffect]) -> tuple[UUID, ...]:
    ids = (one.incident_id for one in judged if one.incident_id is not None)
    return tuple(dict.fromkeys(ids))
