"""The ledger's history as far as the judge needs it, read once, when all is over."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

import sqlalchemy as sa

_ACTIONS = sa.text("""
    select permits.target, permits.run_id, actions.intended_at,
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


class Action(NamedTuple):
    """One line of the journal: a request that a permit let out."""

    target: str
    run_id: UUID
    intended_at: datetime
    issued_at: datetime
    ended_at: datetime
    expires_at: datetime


class Opened(NamedTuple):
    """An incident, and when it was opened."""

    id: UUID
    at: datetime


@dataclass(frozen=True)
class History:
    """What the ledger says, and when it was asked by its own clock."""

    asked_at: datetime
    actions: list[Action]
    incidents: dict[str, list[Opened]]  # by the thing that they are about
    cut_off: frozenset[UUID]  # runs whose process died before their change was verified

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
                cut_off=frozenset(connection.scalars(_DEAD)) - verified,
            )
