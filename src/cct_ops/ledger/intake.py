"""
What came in: deliveries, their alerts, and the incidents that they open and close.

Everything of one delivery is one transaction, so a sender that got no answer may simply send
again. Two gateways with the same alert at the same moment are put in order by advisory locks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger import outbox
from cct_ops.ledger.episodes import ClosedAs, Episode, Verdict, judge
from cct_ops.ledger.schema import alerts, deliveries, incidents
from cct_ops.models.alert import Alert
from cct_ops.redaction import redact_values

# Locks live in a table of fixed size, so keys share a bounded number of them.
_LOCK_SPACE = 0x0CC7
_LOCKS = 256

_NOW = sa.func.statement_timestamp()
_TEXTS = sa.ARRAY(sa.Text)


class DeliveryStatus(StrEnum):
    """Whether a delivery was understood, or only kept for a person to look at."""

    ACCEPTED = "accepted"
    QUARANTINED = "quarantined"


@dataclass(frozen=True)
class Receipt:
    """What the sender is told: ``incidents`` are those that its alerts belong to."""

    delivery_id: UUID
    incidents: tuple[UUID, ...]
    duplicate: bool
    status: DeliveryStatus


@dataclass(frozen=True)
class _Judged:
    alert: Alert
    verdict: Verdict
    incident_id: UUID | None


def record(
    engine: sa.Engine,
    source: str,
    body: bytes,
    received: Sequence[Alert] | None,
    note: str | None = None,
) -> Receipt:
    """
    Store one authentic delivery and return once it is durable.

    ``received`` is None for a body that was not understood: it is quarantined with the note.
    """
    status = DeliveryStatus.QUARANTINED if received is None else DeliveryStatus.ACCEPTED
    with engine.begin() as connection:
        delivery = _store(connection, source, body, status, note)
        duplicate = delivery.copies > 1
        touched: tuple[UUID, ...] = ()
        if received:
            judged = _judge_all(connection, source, received, delivery.last_received_at)
            # A copy says nothing new but what it changed, and senders repeat themselves for ever.
            kept = [one for one in judged if one.verdict.changes or not duplicate]
            _store_alerts(connection, delivery.id, kept)
            ids = (one.incident_id for one in judged if one.incident_id is not None)
            touched = tuple(dict.fromkeys(ids))
    return Receipt(delivery.id, touched, duplicate, status)


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
        return connection.execute(closed).rowcount


def _store(
    connection: sa.Connection, source: str, body: bytes, status: DeliveryStatus, note: str | None
) -> sa.Row[Any]:
    """Keep the body; an identical one is the same delivery once more."""
    new = insert(deliveries).values(
        source=source,
        body=body,
        body_sha256=hashlib.sha256(body).hexdigest(),
        status=status,
        note=note,
    )
    stored = new.on_conflict_do_update(
        index_elements=["source", "body_sha256"],
        set_={
            "copies": deliveries.c.copies + 1,
            "last_received_at": _NOW,
            "status": new.excluded.status,
            "note": new.excluded.note,
        },
    ).returning(deliveries.c.id, deliveries.c.copies, deliveries.c.last_received_at)
    return connection.execute(stored).one()


def _judge_all(
    connection: sa.Connection, source: str, received: Sequence[Alert], received_at: datetime
) -> list[_Judged]:
    """Apply the episode rule to each alert in turn, and store what became of the incidents."""
    keys = {alert.key for alert in received}
    _lock(connection, keys)
    latest = _latest(connection, source, keys)
    before = {episode.incident_id: episode for episode in latest.values()}
    after: dict[UUID, tuple[Episode, Alert]] = {}
    judged = []
    for alert in received:
        verdict, episode = judge(alert, latest.get(alert.key), received_at)
        if episode is not None:
            latest[alert.key] = episode
            # Labels are the key, and annotations are those that the incident opened with.
            first = after[episode.incident_id][1] if episode.incident_id in after else alert
            after[episode.incident_id] = episode, first
        judged.append(_Judged(alert, verdict, _owner(verdict, episode)))
    opened = [pair for pair in after.values() if pair[0].incident_id not in before]
    changed = [
        episode
        for episode, _ in after.values()
        if episode.incident_id in before and episode != before[episode.incident_id]
    ]
    _close_and_touch(connection, changed)
    _open(connection, source, opened)
    return judged


def _owner(verdict: Verdict, newest: Episode | None) -> UUID | None:
    """Return the incident that the alert is about, where that is the newest one of its labels."""
    overtaken = verdict is Verdict.LATE and newest is not None and newest.closed_as is None
    if newest is None or verdict is Verdict.UNKNOWN or overtaken:
        return None
    return newest.incident_id


def _lock(connection: sa.Connection, keys: set[str]) -> None:
    """Let one transaction at a time judge a key; taken in one order, so that none deadlock."""
    locks = sorted({int(key[:8], 16) % _LOCKS for key in keys})
    connection.execute(
        sa.text(
            "select pg_advisory_xact_lock(:space, lock)"
            " from unnest(cast(:locks as integer[])) as lock"
        ),
        {"space": _LOCK_SPACE, "locks": locks},
    )


def _latest(connection: sa.Connection, source: str, keys: set[str]) -> dict[str, Episode]:
    """Read the newest incident of each key, and hold it against the expiry."""
    table = incidents.c
    newest = (
        sa.select(table.key, sa.func.max(table.episode))
        .where(table.source == source, table.key == sa.any_(sa.literal(sorted(keys), _TEXTS)))
        .group_by(table.key)
    )
    earlier = incidents.alias()
    floor = (
        sa.select(sa.func.max(sa.func.coalesce(earlier.c.ends_at, earlier.c.last_seen_at)))
        .where(
            earlier.c.source == table.source,
            earlier.c.key == table.key,
            earlier.c.episode < table.episode,
        )
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(incidents, floor.label("floor"))
        .where(table.source == source, sa.tuple_(table.key, table.episode).in_(newest))
        .with_for_update(key_share=True, of=incidents)
    )
    return {
        row.key: Episode(
            row.id,
            row.episode,
            row.starts_at,
            row.last_seen_at,
            ClosedAs(row.closed_as) if row.closed_as else None,
            row.ends_at,
            row.closed_at,
            row.floor,
        )
        for row in rows
    }


def _state(episode: Episode) -> dict[str, object]:
    """Return the columns that the rule may change."""
    return {
        "state": "open" if episode.closed_as is None else "closed",
        "closed_as": episode.closed_as,
        "starts_at": episode.starts_at,
        "ends_at": episode.ends_at,
        "last_seen_at": episode.last_seen_at,
        "closed_at": episode.closed_at,
    }


def _close_and_touch(connection: sa.Connection, episodes: Sequence[Episode]) -> None:
    if episodes:
        connection.execute(
            sa.update(incidents).where(incidents.c.id == sa.bindparam("incident_id")),
            [{"incident_id": episode.incident_id} | _state(episode) for episode in episodes],
        )


def _open(connection: sa.Connection, source: str, opened: Sequence[tuple[Episode, Alert]]) -> None:
    """Insert the new incidents, each with the one run that it is going to start."""
    if not opened:
        return
    connection.execute(
        sa.insert(incidents),
        [
            {
                "id": episode.incident_id,
                "source": source,
                "key": alert.key,
                "episode": episode.number,
                "labels": redact_values(alert.labels),
                "annotations": redact_values(alert.annotations),
            }
            | _state(episode)
            for episode, alert in opened
        ],
    )
    outbox.enqueue(connection, [episode.incident_id for episode, _ in opened], outbox.REMEDIATE)


def _store_alerts(connection: sa.Connection, delivery_id: UUID, kept: Sequence[_Judged]) -> None:
    if kept:
        connection.execute(
            sa.insert(alerts),
            [
                {
                    "delivery_id": delivery_id,
                    "incident_id": one.incident_id,
                    "status": one.alert.status,
                    "labels": redact_values(one.alert.labels),
                    "annotations": redact_values(one.alert.annotations),
                    "starts_at": one.alert.starts_at,
                    "ends_at": one.alert.ends_at,
                    "verdict": one.verdict,
                }
                for one in kept
            ],
        )
