"""
Runs to start and notices to send because of an incident.

A row is claimed by moving its next attempt behind a lease, so the row of a controller that died
comes back by itself, and several controllers may work side by side. ``attempts`` is the claim's
fencing number: whoever lost the lease changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger import run_notifications
from cct_ops.ledger.engine import at_once
from cct_ops.ledger.gate.tables import drains
from cct_ops.ledger.intake.tables import dispatches, incidents
from cct_ops.ledger.schema import versions
from cct_ops.models.versions import FileVersion

CHANNEL = "dispatch"
LISTEN = f"listen {CHANNEL}"

# Stable within its statement, unlike clock_timestamp(): the index of due rows can use it.
NOW = sa.func.statement_timestamp()

REMEDIATE = "remediate"  # route the incident and start its playbook
NOTICE = "notice"  # notify people of it

_ENQUEUE = sa.text("""
    insert into dispatches (incident_id, purpose)
    select unnest(cast(:ids as uuid[])), :purpose on conflict do nothing
""")

DEAD_LETTERED = "dead-lettered"
GROUPED = "grouped"


@dataclass(frozen=True)
class Claim:
    """A due row that is ours until the lease ends, with the incident that it is about."""

    id: UUID
    purpose: str
    attempts: int
    note: str | None
    rule: str | None
    incident_id: UUID
    episode: int
    source: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    created_at: datetime


def enqueue(connection: sa.Connection, incident_ids: Sequence[UUID], purpose: str) -> None:
    """Ask for one dispatch per incident, once the caller's transaction commits."""
    connection.execute(_ENQUEUE, {"ids": [str(each) for each in incident_ids], "purpose": purpose})
    wake(connection)


def claim(engine: sa.Engine, purpose: str, lease_seconds: float) -> Claim | None:
    """Take the row that has been due the longest, if any is due; no run while drained."""
    drained = sa.select(drains.c.draining).order_by(drains.c.id.desc()).limit(1).scalar_subquery()
    may = (sa.func.coalesce(drained, sa.false()).is_(sa.false()),) if purpose == REMEDIATE else ()
    due = (
        sa.select(dispatches.c.id)
        .where(
            dispatches.c.state == "pending",
            dispatches.c.purpose == purpose,
            dispatches.c.next_attempt_at <= NOW,
            *may,
        )
        .order_by(dispatches.c.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = (
        sa.update(dispatches)
        .where(dispatches.c.id == due.scalar_subquery(), dispatches.c.incident_id == incidents.c.id)
        .values(
            attempts=dispatches.c.attempts + 1,
            next_attempt_at=NOW + timedelta(seconds=lease_seconds),
        )
        .returning(
            dispatches.c.id,
            dispatches.c.purpose,
            dispatches.c.attempts,
            dispatches.c.note,
            dispatches.c.rule,
            dispatches.c.incident_id,
            incidents.c.episode,
            incidents.c.source,
            incidents.c.labels,
            incidents.c.annotations,
            dispatches.c.created_at,
        )
    )
    with at_once(engine).begin() as connection:
        row = connection.execute(taken).one_or_none()
    return Claim(*row) if row else None


def seconds_to_next(engine: sa.Engine, purpose: str) -> float | None:
    """Return when the next row comes due, or its lease ends; None where none is pending."""
    wait = sa.cast(sa.extract("epoch", sa.func.min(dispatches.c.next_attempt_at) - NOW), sa.Float)
    pending = dispatches.c.state == "pending", dispatches.c.purpose == purpose
    with at_once(engine).connect() as connection:
        return connection.scalar(sa.select(wait).where(*pending))


def mark_sent(
    engine: sa.Engine,
    claim: Claim,
    *,
    rule: str,
    playbook: str,
    flow_run_id: UUID,
    notification: str | None = None,
    routes: FileVersion | None = None,
) -> None:
    """
    Mark that the run exists, and notify the workers of it if it is given.

    ``routes`` is the version of the rules by which it was started.
    """
    with engine.begin() as connection:
        if notification is not None:
            run_notifications.notify_workers(connection, flow_run_id, notification)
        _settle(
            connection,
            claim,
            routes=routes,
            state="sent",
            rule=rule,
            playbook=playbook,
            flow_run_id=flow_run_id,
        )


def mark_notified(
    engine: sa.Engine, claim: Claim, note: str | None = None, *, undelivered: str | None = None
) -> None:
    """
    Settle a row for which no run is meant.

    A notice was delivered unless ``undelivered`` is given, the reason why it was not.
    """
    delivered = NOW if claim.purpose == NOTICE and undelivered is None else None
    with engine.begin() as connection:
        _settle(
            connection,
            claim,
            state="notified",
            note=note or claim.note,
            notified_at=delivered,
            undelivered=undelivered,
        )


def hand_to_people(
    engine: sa.Engine,
    claim: Claim,
    *,
    state: str,
    rule: str | None,
    reason: str,
    routes: FileVersion | None = None,
) -> None:
    """Settle a remediation without a run, notified or dead-lettered, and queue the notice."""
    with engine.begin() as connection:
        if not _settle(connection, claim, routes=routes, state=state, rule=rule, note=reason):
            return
        connection.execute(
            insert(dispatches)
            .values(incident_id=claim.incident_id, purpose=NOTICE, rule=rule, note=reason)
            .on_conflict_do_update(
                index_elements=["incident_id", "purpose"],
                set_={
                    "state": "pending",
                    "note": reason,
                    "rule": rule,
                    "next_attempt_at": NOW,
                    "finished_at": None,
                    "notified_at": None,
                    "undelivered": None,
                },
            )
        )
        wake(connection)


def mark_grouped(
    engine: sa.Engine, claim: Claim, *, rule: str, reason: str, routes: FileVersion | None = None
) -> None:
    """Settle a row whose incident another one stands for."""
    with engine.begin() as connection:
        _settle(connection, claim, routes=routes, state=GROUPED, rule=rule, note=reason)


def mark_dead_lettered(engine: sa.Engine, claim: Claim, reason: str) -> None:
    """Set a row aside that no further attempt can help."""
    with engine.begin() as connection:
        _settle(connection, claim, state=DEAD_LETTERED, **_because(claim, reason))


def postpone(engine: sa.Engine, claim: Claim, seconds: float, reason: str) -> None:
    """Try again later."""
    later = {"next_attempt_at": NOW + timedelta(seconds=seconds), **_because(claim, reason)}
    with engine.begin() as connection:
        connection.execute(sa.update(dispatches).where(*_ours(claim)).values(later))


def _because(claim: Claim, reason: str) -> dict[str, Any]:
    """Return where the reason stands: a notice keeps its note, which is its text."""
    return {"undelivered" if claim.purpose == NOTICE else "note": reason}


def requeue(engine: sa.Engine, incident_id: UUID) -> str | None:
    """
    Give what was set aside another chance, after a person looked at its reason.

    That is the run, where one was dead-lettered or grouped: what cannot be started then gets a new
    notice. Else it is a notice that reached nobody. Returns the purpose; None where nothing was set
    aside.
    """
    state, aside = dispatches.c.state, dispatches.c.state.in_((DEAD_LETTERED, GROUPED))
    reached_nobody = aside | ((state == "notified") & dispatches.c.undelivered.is_not(None))
    with engine.begin() as connection:
        for purpose, which in ((REMEDIATE, aside), (NOTICE, reached_nobody)):
            again = (
                sa.update(dispatches)
                .where(
                    dispatches.c.incident_id == incident_id, dispatches.c.purpose == purpose, which
                )
                .values(state="pending", next_attempt_at=NOW, finished_at=None, undelivered=None)
            )
            if connection.execute(again).rowcount:
                wake(connection)
                return purpose
    return None


def describe_notice(state: str, notified_at: datetime | None, undelivered: str | None) -> str:
    """Say in a few words whether a notice has reached people."""
    if notified_at is not None:
        return "people notified"
    if state == "pending":
        return f"not notified yet: {undelivered}" if undelivered else "not notified yet"
    return f"not notified: {undelivered or 'no reason is known'}"


def _ours(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        dispatches.c.id == claim.id,
        dispatches.c.state == "pending",
        dispatches.c.attempts == claim.attempts,
    )


def _settle(
    connection: sa.Connection, claim: Claim, *, routes: FileVersion | None = None, **values: Any
) -> bool:
    by = versions("routes", routes)
    settled = sa.update(dispatches).where(*_ours(claim)).values(finished_at=NOW, **by, **values)
    return connection.execute(settled).rowcount == 1


def wake(connection: sa.Connection) -> None:
    """Wake the controllers when the transaction commits."""
    connection.execute(sa.select(sa.func.pg_notify(CHANNEL, "")))


def listeners(connection: sa.Connection) -> int:
    """Count who listens to this ledger for news: a connection that ``listen`` was the last of."""
    activity = sa.text(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and query = :listen"
    )
    return int(connection.execute(activity, {"listen": LISTEN}).scalar_one())
