"""The history of a ledger, read in one transaction that cannot write, without secrets in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from cct_ops.ledger.clock import now
from cct_ops.ledger.gate.tables import holds, switches
from cct_ops.ledger.intake.tables import alerts, deliveries, incidents
from cct_ops.redaction import redact, redact_values
from cct_ops.replay.history import FORMAT, Delivered, Header, Held, Line, Open, Switched, body_of
from cct_ops.replay.recorded_runs import runs_of_then

_JUST_OVER = timedelta(days=1)


def history_of(engine: sa.Engine, since: datetime) -> Iterator[Line]:
    """Yield what came in since then, and before it all that it depends on."""
    with reading(engine) as connection:
        until = connection.execute(sa.select(now())).scalar_one()
        yield Header(format=FORMAT, since=since, until=until)
        yield from _switched(connection)
        yield from _held(connection, since)
        yield from runs_of_then(connection, since)
        yield from _open(connection, since)
        yield from _delivered(connection, since)


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a transaction of one moment in which PostgreSQL itself refuses to write."""
    with engine.connect() as connection:
        yield connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True, yield_per=200
        )


def _switched(connection: sa.Connection) -> Iterator[Switched]:
    columns = (switches.c.at, switches.c.stopped, switches.c.reason, switches.c.person)
    for row in connection.execute(sa.select(*columns).order_by(switches.c.id)):
        yield Switched(at=row.at, stopped=row.stopped, reason=redact(row.reason), person=row.person)


def _held(connection: sa.Connection, since: datetime) -> Iterator[Held]:
    over = sa.func.least(holds.c.until, holds.c.released_at).label("over")
    asked = sa.select(holds, over).where(over > since).order_by(holds.c.id)
    for row in connection.execute(asked):
        yield Held(
            at=row.placed_at,
            target=row.target,
            until=row.over,
            reason=redact(row.reason),
            person=row.person,
        )


def _open(connection: sa.Connection, since: datetime) -> Iterator[Open]:
    """Yield the newest incident of each thing, as it was when the history begins."""
    row = incidents.c
    asked = (
        sa.select(incidents)
        .distinct(row.source, row.key)
        .where(
            row.opened_at < since, row.closed_at.is_(None) | (row.closed_at > since - _JUST_OVER)
        )
        .order_by(row.source, row.key, row.episode.desc())
    )
    for each in connection.execute(asked):
        over = each.closed_at is not None and each.closed_at < since
        yield Open(
            at=each.opened_at,
            source=each.source,
            key=each.key,
            incident=each.id,
            number=each.episode,
            starts_at=each.starts_at,
            last_seen_at=min(each.last_seen_at, since),
            reporters=tuple(each.reporters),
            closed_as=each.closed_as if over else None,
            ends_at=each.ends_at if over else None,
            closed_at=each.closed_at if over else None,
        )


def _delivered(connection: sa.Connection, since: datetime) -> Iterator[Delivered]:
    row = deliveries.c
    came = (
        sa.select(
            sa.func.array_agg(sa.distinct(alerts.c.received_at)).label("moments"),
            sa.func.min(alerts.c.received_at).filter(alerts.c.received_at >= since).label("first"),
        )
        .where(alerts.c.delivery_id == row.id)
        .lateral("came")
    )
    pairs = sa.func.jsonb_build_object("key", incidents.c.key, "incident", incidents.c.id)
    opened = (
        sa.select(sa.func.jsonb_agg(aggregate_order_by(pairs, alerts.c.id)).label("pairs"))
        .select_from(alerts.join(incidents, incidents.c.id == alerts.c.incident_id))
        .where(alerts.c.delivery_id == row.id, alerts.c.verdict == "opened")
        .lateral("opened")
    )
    first = sa.func.least(
        sa.case((row.received_at >= since, row.received_at)), came.c.first, row.last_received_at
    )
    asked = (
        sa.select(deliveries, came.c.moments, opened.c.pairs)
        .select_from(deliveries.join(came, sa.true()).join(opened, sa.true()))
        .where(row.last_received_at >= since)
        .order_by(first, row.id)
    )
    for each in connection.execute(asked):
        known = {each.received_at, each.last_received_at, *(each.moments or ())}
        moments = tuple(sorted(moment for moment in known if moment >= since))
        yield Delivered(
            id=each.id,
            at=moments,
            source=each.source,
            headers=redact_values(each.headers),
            sender_id=each.sender_id,
            admitted_by=each.admitted_by,
            copies=each.copies - (len(known) - len(moments)),
            opened=each.pairs or (),
            **body_of(None if each.body is None else without_shapes(each.body)),
        )


def without_shapes(body: bytes) -> bytes:
    """Return a body in which no text looks like a secret; one without any is as it came."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return redact(body.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    if redact(text) == text:
        return body
    try:
        return json.dumps(_redacted(json.loads(text)), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return redact(text).encode()


def _redacted(found: object) -> object:
    match found:
        case str():
            return redact(found)
        case list():
            return [_redacted(each) for each in found]
        case dict():
            return {name: _redacted(value) for name, value in found.items()}
        case _:
            return found
