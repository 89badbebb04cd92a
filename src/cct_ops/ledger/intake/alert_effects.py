"""
The episode rule applied to deliveries, and what it makes of incidents.

Two gateways with the same alert at the same moment are put in order by advisory locks. Everything
is written set by set: at hundreds of deliveries a second the number of statements is what costs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.intake import early_ends, outbox
from cct_ops.ledger.intake.episodes import ClosedAs, Episode, Verdict
from cct_ops.ledger.intake.judging import Judging, Key
from cct_ops.ledger.intake.tables import incidents
from cct_ops.models.alert import Alert
from cct_ops.redaction import redact_values

# Locks live in a table of fixed size, so keys share a bounded number of them.
_LOCK_SPACE = 0x0CC7
_LOCKS = 256

_LOCK = sa.text(
    "select pg_advisory_xact_lock(:space, lock) from unnest(cast(:locks as integer[])) as lock"
)

# What is no longer open is recognised by `floor`: the end of the episode before the newest.
_LATEST = sa.text("""
    select i.source, i.key, i.id, i.episode, i.starts_at, i.last_seen_at, i.closed_as, i.ends_at,
        i.closed_at, i.opened_at, i.reporters,
        (select max(greatest(coalesce(e.ends_at, e.last_seen_at), e.starts_at)) from incidents e
            where e.source = i.source and e.key = i.key and e.episode < i.episode) as floor
    from unnest(cast(:sources as text[]), cast(:keys as text[])) as wanted(source, key)
    cross join lateral (select max(m.episode) as episode from incidents m
        where m.source = wanted.source and m.key = wanted.key) as newest
    join incidents i
        on i.source = wanted.source and i.key = wanted.key and i.episode = newest.episode
    for no key update of i
""")

_STATE = """state text, closed_as text, starts_at timestamptz, ends_at timestamptz,
    last_seen_at timestamptz, closed_at timestamptz, reporters jsonb"""

_CHANGE = sa.text(f"""
    update incidents i set state = r.state, closed_as = r.closed_as, starts_at = r.starts_at,
        ends_at = r.ends_at, last_seen_at = r.last_seen_at, closed_at = r.closed_at,
        reporters = r.reporters
    from jsonb_to_recordset(cast(:rows as jsonb)) as r(id uuid, {_STATE})
    where i.id = r.id
""")  # noqa: S608 -- made of constants

_OPEN = sa.text(f"""
    insert into incidents (id, source, key, episode, labels, annotations, opened_at, state,
        closed_as, starts_at, ends_at, last_seen_at, closed_at, reporters)
    select id, source, key, episode, labels, annotations, opened_at, state,
        closed_as, starts_at, ends_at, last_seen_at, closed_at, reporters
    from jsonb_to_recordset(cast(:rows as jsonb)) as r(id uuid, source text, key text,
        episode integer, labels jsonb, annotations jsonb, opened_at timestamptz, {_STATE})
""")  # noqa: S608 -- made of constants

_KEEP = sa.text("""
    insert into alerts (delivery_id, incident_id, status, labels, annotations, starts_at, ends_at,
        verdict, received_at, message)
    select delivery_id, incident_id, status, labels, annotations, starts_at, ends_at, verdict,
        received_at, message
    from jsonb_to_recordset(cast(:rows as jsonb)) as r(delivery_id uuid, incident_id uuid,
        status text, labels jsonb, annotations jsonb, starts_at timestamptz, ends_at timestamptz,
        verdict text, received_at timestamptz, message text)
""")


@dataclass(frozen=True)
class StoredDelivery:
    """The alerts of one stored delivery, and whether it is a copy of an earlier one."""

    source: str
    delivery_id: UUID
    received_at: datetime
    alerts: Sequence[Alert]
    duplicate: bool

    def name(self, alert: Alert) -> str | None:
        """Name the message that says this, among those of all senders; None if it has no name."""
        if not alert.message:
            return None
        return hashlib.sha256(f"{self.source}\n{alert.message}".encode()).hexdigest()


@dataclass(frozen=True)
class AlertEffect:
    """The effect of one alert, and the incident that it concerns."""

    alert: Alert
    verdict: Verdict
    incident_id: UUID | None


def judge_all(
    connection: sa.Connection, stored: Sequence[StoredDelivery]
) -> list[list[AlertEffect]]:
    """Apply the episode rule to each alert in turn, and store what became of the incidents."""
    keyed = [[(alert.key, alert) for alert in each.alerts] for each in stored]
    wanted = {
        (each.source, key) for each, alerts in zip(stored, keyed, strict=True) for key, _ in alerts
    }
    if not wanted:
        return [[] for _ in stored]
    _lock(connection, {key for _, key in wanted})
    judging = Judging(_latest(connection, wanted), early_ends.read(connection, wanted))
    before = {episode.incident_id: episode for episode in judging.latest.values()}
    after: dict[UUID, tuple[Episode, Key, Alert]] = {}
    judged: list[list[AlertEffect]] = []
    for each, alerts in zip(stored, keyed, strict=True):
        mine = []
        for key, alert in alerts:
            place = (each.source, key)
            effect = judging.judge(place, alert, each.received_at)
            for episode in (effect.superseded, effect.episode):
                if episode is not None:
                    _put(after, episode, place, alert)
            mine.append(AlertEffect(alert, effect.verdict, _owner(effect.verdict, effect.episode)))
        judged.append(mine)
    _write(connection, before, after)
    early_ends.keep(connection, judging.early)
    _keep(connection, stored, judged)
    return judged


def open_keys(engine: sa.Engine, source: str) -> dict[str, datetime]:
    """Return the keys of the source's open incidents, and when each was seen last."""
    asked = sa.select(incidents.c.key, incidents.c.last_seen_at).where(
        incidents.c.source == source, incidents.c.state == "open"
    )
    with engine.connect() as connection:
        return {row.key: row.last_seen_at for row in connection.execute(asked)}


def _put(
    after: dict[UUID, tuple[Episode, Key, Alert]], episode: Episode, place: Key, alert: Alert
) -> None:
    """Remember the episode as it is now, with the labels and annotations that it opened with."""
    first = after[episode.incident_id][2] if episode.incident_id in after else alert
    after[episode.incident_id] = episode, place, first


def _owner(verdict: Verdict, newest: Episode | None) -> UUID | None:
    """Return the incident that the alert is about, where that is the newest one of its key."""
    overtaken = verdict is Verdict.LATE and newest is not None and newest.closed_as is None
    if newest is None or verdict is Verdict.UNKNOWN or overtaken:
        return None
    return newest.incident_id


def _lock(connection: sa.Connection, keys: Collection[str]) -> None:
    """Let one transaction at a time judge a key; taken in one order, so that none deadlock."""
    locks = sorted({int(key[:8], 16) % _LOCKS for key in keys})
    connection.execute(_LOCK, {"space": _LOCK_SPACE, "locks": locks})


def _latest(connection: sa.Connection, wanted: Collection[Key]) -> dict[Key, Episode]:
    """Read the newest incident of each key, and hold it against the expiry."""
    ordered = sorted(wanted)
    rows = connection.execute(
        _LATEST, {"sources": [source for source, _ in ordered], "keys": [key for _, key in ordered]}
    )
    return {
        (row.source, row.key): Episode(
            row.id,
            row.episode,
            row.starts_at,
            row.last_seen_at,
            ClosedAs(row.closed_as) if row.closed_as else None,
            row.ends_at,
            row.closed_at,
            row.floor,
            row.opened_at,
            tuple(row.reporters),
        )
        for row in rows
    }


def _write(
    connection: sa.Connection,
    before: dict[UUID, Episode],
    after: dict[UUID, tuple[Episode, Key, Alert]],
) -> None:
    """Store the incidents that changed, and open the new ones, each with its one dispatch."""
    changed = [
        {"id": str(episode.incident_id)} | _state(episode)
        for episode, _, _ in after.values()
        if episode.incident_id in before and episode != before[episode.incident_id]
    ]
    if changed:
        connection.execute(_CHANGE, {"rows": json.dumps(changed)})
    opened = [each for each in after.values() if each[0].incident_id not in before]
    if not opened:
        return
    rows = [
        {
            "id": str(episode.incident_id),
            "source": source,
            "key": key,
            "episode": episode.number,
            "labels": redact_values(alert.labels),
            "annotations": redact_values(alert.annotations),
            "opened_at": _moment(episode.opened_at),
        }
        | _state(episode)
        for episode, (source, key), alert in opened
    ]
    connection.execute(_OPEN, {"rows": json.dumps(rows)})
    outbox.enqueue(connection, [episode.incident_id for episode, _, _ in opened], outbox.REMEDIATE)


def _state(episode: Episode) -> dict[str, object]:
    """Return the columns that the rule may change."""
    return {
        "state": "open" if episode.closed_as is None else "closed",
        "closed_as": episode.closed_as,
        "starts_at": _moment(episode.starts_at),
        "ends_at": _moment(episode.ends_at),
        "last_seen_at": _moment(episode.last_seen_at),
        "closed_at": _moment(episode.closed_at),
        "reporters": episode.reporters,
    }


def _keep(
    connection: sa.Connection,
    stored: Sequence[StoredDelivery],
    judged: Sequence[Sequence[AlertEffect]],
) -> None:
    """
    Write down what each alert did.

    A copy says nothing new but what it changed, and senders repeat themselves for ever.
    """
    rows = [
        {
            "delivery_id": str(each.delivery_id),
            "incident_id": str(one.incident_id) if one.incident_id else None,
            "status": one.alert.status,
            "labels": redact_values(one.alert.labels),
            "annotations": redact_values(one.alert.annotations),
            "starts_at": _moment(one.alert.starts_at),
            "ends_at": _moment(one.alert.ends_at),
            "verdict": one.verdict,
            "received_at": _moment(each.received_at),
            "message": each.name(one.alert),
        }
        for each, mine in zip(stored, judged, strict=True)
        for one in mine
        if one.verdict.changes or not each.duplicate
    ]
    if rows:
        connection.execute(_KEEP, {"rows": json.dumps(rows)})


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
