"""The ledger's history as far as the judge needs it, read once, when all is over."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

import sqlalchemy as sa

_ACTIONS = sa.text("""
    select permits.target, permits.run_id, permits.incident_id, permits.kind, actions.intended_at,
           permits.issued_at, coalesce(permits.closed_at, permits.expires_at) as ended_at,
           permits.expires_at
    from actions join permits on permits.id = actions.permit_id
    order by actions.intended_at
""")
_DEAD = sa.text("select run_id from run_leases where reaped_at is not null")
_VERIFIED = sa.text("select run_id from verifications where verdict = 'holds'")
_INCIDENTS = sa.text("""
    select labels ->> 'instance', id, opened_at from incidents
    where labels ? 'instance' order by opened_at
""")
_NOTIFIED = sa.text("select incident_id from dispatches where state = 'notified'")
_OWED = sa.text("""
    select incidents.labels ->> 'instance', dispatches.state, dispatches.created_at
    from dispatches join incidents on incidents.id = dispatches.incident_id
    where dispatches.state in ('pending', 'dead-lettered')
""")
_CHANGES = sa.text("""
    select target, run_id, until from temporary_changes where state <> 'not made'
    order by created_at
""")
_REQUESTS = sa.text("""
    select id, run_id, incident_id, playbook, target, state, requested_at from approvals
    order by requested_at
""")
_ENDED = sa.text("select run_id, finished_at from resolutions")
_SUCCESSORS = sa.text("select run_id, successor_id from run_leases where successor_id is not null")
# A run began when its process took it, and one that nobody took was made nevertheless.
_ENDLESS = sa.text("""
    with runs as (
        select run_id, coalesce(began_at, expires_at) as at from run_leases
        union all select flow_run_id, created_at from dispatches where flow_run_id is not null
    )
    select run_id, min(at) from runs
    where not exists (select 1 from resolutions where resolutions.run_id = runs.run_id)
    group by run_id order by min(at)
""")
_LEFT = sa.text("""
    select exists (select 1 from temporary_changes
                   where state in ('scheduled', 'active', 'reverting'))
           or exists (select 1 from owed_ends)
""")


class Action(NamedTuple):
    """One line of the journal: a request that a permit let out."""

    target: str
    run_id: UUID
    incident_id: UUID | None
    kind: str
    intended_at: datetime
    issued_at: datetime
    ended_at: datetime
    expires_at: datetime


class Opened(NamedTuple):
    """An incident, and when it was opened."""

    id: UUID
    at: datetime


class Owed(NamedTuple):
    """A run or a notice about a thing that has not come."""

    name: str
    state: str
    at: datetime


class Change(NamedTuple):
    """A temporary change, and until when it was to last."""

    target: str
    run_id: UUID
    until: datetime


class Request(NamedTuple):
    """A request for somebody's yes."""

    id: UUID
    run_id: UUID
    incident_id: UUID | None
    playbook: str
    target: str
    state: str
    at: datetime


class Endless(NamedTuple):
    """A run without an account."""

    run_id: UUID
    at: datetime


@dataclass(frozen=True)
class History:
    """All that the ledger says, and when it was asked by its own clock."""

    asked_at: datetime
    actions: list[Action]
    incidents: dict[str, list[Opened]]  # by the thing that they are about
    notified: frozenset[UUID]  # incidents that people are to have heard of
    owed: list[Owed]
    cut_off: frozenset[UUID]  # runs whose process died before their change was verified
    changes: list[Change]
    requests: list[Request]
    successors: dict[UUID, UUID]
    endless: list[Endless]
    ended: dict[UUID, datetime]  # when each run was, that has an account

    @classmethod
    def read(cls, engine: sa.Engine) -> Self:
        """Read it."""
        incidents: dict[str, list[Opened]] = defaultdict(list)
        with engine.connect() as connection:
            for name, incident_id, at in connection.execute(_INCIDENTS):
                incidents[name].append(Opened(incident_id, at))
            verified = frozenset(connection.scalars(_VERIFIED))
            return cls(
                asked_at=connection.execute(sa.text("select now()")).scalar_one(),
                actions=[Action(*row) for row in connection.execute(_ACTIONS)],
                incidents=dict(incidents),
                notified=frozenset(connection.scalars(_NOTIFIED)),
                owed=[Owed(*row) for row in connection.execute(_OWED)],
                cut_off=frozenset(connection.scalars(_DEAD)) - verified,
                changes=[Change(*row) for row in connection.execute(_CHANGES)],
                requests=[Request(*row) for row in connection.execute(_REQUESTS)],
                successors=dict(connection.execute(_SUCCESSORS).tuples().all()),
                endless=[Endless(*row) for row in connection.execute(_ENDLESS)],
                ended=dict(connection.execute(_ENDED).tuples().all()),
            )


def is_settled(engine: sa.Engine) -> bool:
    """Say whether nothing is owed, no run is under way, and no temporary change stands."""
    with engine.connect() as connection:
        waiting = connection.execute(_OWED).first() or connection.execute(_ENDLESS).first()
        return waiting is None and not connection.execute(_LEFT).scalar_one()
