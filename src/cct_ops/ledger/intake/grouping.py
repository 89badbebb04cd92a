"""
Grouping: in a burst of incidents one of each group stands for all of them.

It is only diagnosed, and the others are grouped under it. The burst that there is now is a row that
all controllers share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from psycopg.types.json import Jsonb
from pydantic import Field
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.outbox import NOTICE, REMEDIATE
from cct_ops.ledger.intake.tables import burst_groups, bursts, dispatches, incidents
from cct_ops.ledger.schema import versions
from cct_ops.models.base import Count, Frozen, Seconds, duration
from cct_ops.models.versions import FileVersion


class GroupingLimits(Frozen):
    """
    More than ``incidents`` within the window are a burst, until it was calm for ``calm_seconds``.

    In a burst at most ``runs`` groups of incidents get a run each, which only observes.
    """

    incidents: Count = Field(60, ge=1)
    within_seconds: Seconds = Field(60, gt=0)
    calm_seconds: Seconds = Field(300, gt=0)
    runs: Count = Field(10, ge=1)

    def window_seconds(self, *, in_burst: bool) -> float:
        """Return in how many seconds more incidents than allowed are a burst, or keep it going."""
        return self.calm_seconds if in_burst else self.within_seconds


BATCH = 500


# Names a row's group from its source and labels.
GroupOf = Callable[[str, Mapping[str, str]], str]

_MARK_GROUPED = sa.text("""
    update dispatches d set state = 'grouped', note = r.note, finished_at = statement_timestamp(),
        routes_digest = :routes_digest, routes_commit = :routes_commit
    from jsonb_to_recordset(cast(:rows as jsonb)) as r(id uuid, note text)
    where d.id = r.id and d.state = 'pending'
""")


def begin_or_end(engine: sa.Engine, limits: GroupingLimits) -> UUID | None:
    """Return the burst that there is now; begins or ends one where that is due."""
    with engine.begin() as connection:
        burst: UUID | None = connection.scalar(
            sa.select(bursts.c.id).where(bursts.c.ended_at.is_(None))
        )
        window = limits.window_seconds(in_burst=burst is not None)
        if _opened(connection, window, limits.incidents) > limits.incidents:
            return burst or _begin(connection, limits)
        if burst is None:
            return None
        connection.execute(
            sa.update(bursts)
            .where(bursts.c.id == burst, bursts.c.ended_at.is_(None))
            .values(ended_at=sa.func.statement_timestamp())
        )
        return None


def choose_leader(
    engine: sa.Engine, burst: UUID, name: str, incident: UUID, limits: GroupingLimits
) -> tuple[UUID, bool]:
    """Return the incident that stands for the group, and whether it may have a run."""
    with engine.begin() as connection:
        groups = _join(connection, burst, {name: incident}, limits)
        chosen, known = groups[name]
        return chosen, may_run(name, known)


def assign(
    known: dict[str, UUID], wanted: Mapping[str, UUID], limits: GroupingLimits
) -> dict[str, tuple[UUID, str]]:
    """
    Return each group's leader and the group that counts, and add the new ones to those ``known``.

    New groups begin while there is room; what comes then is one group more for each source.
    """
    groups = {}
    for name, incident in sorted(wanted.items()):
        counts = name
        runs = sum(not each.endswith("/") for each in known)
        if name not in known and runs >= limits.runs:
            counts = rest_of(name)
        groups[name] = known.setdefault(counts, incident), counts
    return groups


def may_run(name: str, counts: str) -> bool:
    """Return whether the group that counts for this one may have a run."""
    return counts != rest_of(name)


def rest_of(name: str) -> str:
    """Return the group of those that came when there were groups enough."""
    return f"{name.partition('/')[0]}/"


def group(
    engine: sa.Engine,
    burst: UUID,
    group_of: GroupOf,
    limits: GroupingLimits,
    *,
    routes: FileVersion | None = None,
) -> int:
    """
    Settle a batch of waiting rows by their group's leader; returns how many.

    ``routes`` is the version of the rules that name the groups.
    """
    due = (
        sa.select(dispatches.c.id, dispatches.c.incident_id, incidents.c.source, incidents.c.labels)
        .join(incidents, incidents.c.id == dispatches.c.incident_id)
        .where(
            dispatches.c.state == "pending",
            dispatches.c.purpose == REMEDIATE,
            dispatches.c.next_attempt_at <= sa.func.statement_timestamp(),
        )
        .order_by(dispatches.c.next_attempt_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True, of=dispatches)
    )
    with engine.begin() as connection:
        rows = connection.execute(due).all()
        if not rows:
            return 0
        named = [(row, group_of(row.source, row.labels)) for row in rows]
        wanted: dict[str, UUID] = {}
        for row, name in named:
            wanted.setdefault(name, row.incident_id)
        groups = _join(connection, burst, wanted, limits)
        grouped = [
            {"id": str(row.id), "note": note(groups[name][0])}
            for row, name in named
            if row.incident_id != groups[name][0]
        ]
        by = versions("routes", routes)
        connection.execute(_MARK_GROUPED, {"rows": Jsonb(grouped), **by})
        for known in {group for _, group in groups.values()}:
            count = sum(
                groups[name][1] == known and row.incident_id != groups[name][0]
                for row, name in named
            )
            connection.execute(
                sa.update(burst_groups)
                .where(burst_groups.c.burst_id == burst, burst_groups.c.name == known)
                .values(grouped=burst_groups.c.grouped + count)
            )
        return len(grouped)


def note(leader_id: UUID) -> str:
    """Say what became of an incident that another one stands for."""
    return f"Part of a burst: only incident {leader_id} of its group is diagnosed."


def enqueue_notice(engine: sa.Engine, incident: UUID, words: str) -> None:
    """Queue the notice about a group, with its leader."""
    with engine.begin() as connection:
        connection.execute(
            insert(dispatches)
            .values(incident_id=incident, purpose=NOTICE, note=words)
            .on_conflict_do_nothing()
        )
        outbox.wake(connection)


def _opened(connection: sa.Connection, seconds: float, enough: int) -> int:
    """Count the incidents that were opened in so many seconds, and not much further than enough."""
    since = sa.func.statement_timestamp() - timedelta(seconds=seconds)
    some = sa.select(sa.literal(1)).where(incidents.c.opened_at > since).limit(enough + 1)
    return connection.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0


def _begin(connection: sa.Connection, limits: GroupingLimits) -> UUID | None:
    reason = f"More than {limits.incidents} incidents in {duration(limits.within_seconds)}."
    connection.execute(insert(bursts).values(reason=reason).on_conflict_do_nothing())
    return connection.scalar(sa.select(bursts.c.id).where(bursts.c.ended_at.is_(None)))


def _join(
    connection: sa.Connection, burst: UUID, wanted: Mapping[str, UUID], limits: GroupingLimits
) -> dict[str, tuple[UUID, str]]:
    """Return each group's leader and the group that counts; new ones begin while there is room."""
    # One controller at a time makes groups, or there would be more of them than allowed.
    connection.execute(sa.select(bursts.c.id).where(bursts.c.id == burst).with_for_update())
    table = burst_groups.c
    known = dict(
        connection.execute(sa.select(table.name, table.incident_id).where(table.burst_id == burst))
        .tuples()
        .all()
    )
    before = set(known)
    groups = assign(known, wanted, limits)
    new = [
        {"burst_id": burst, "name": name, "incident_id": incident}
        for name, incident in known.items()
        if name not in before
    ]
    if new:
        connection.execute(insert(burst_groups), new)
    return groups
