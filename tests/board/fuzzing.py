"""What Schemathesis needs of the board: a ledger with something of everything, and its digest."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from uuid import UUID, uuid4

import hypothesis
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase

from cct_ops.ledger.gate import switches
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.deliveries import Incoming
from cct_ops.ledger.people import sign_ins
from cct_ops.models.role import Role
from tests.approvals.parts import asked
from tests.board.conftest import weakened
from tests.ledger.alerts import opened

ALL = os.environ.get("SCHEMATHESIS") == "all"

# When somebody was last seen is no change of anything.
_SEEN = {"api_tokens": "last_used_at", "board_sessions": "last_seen_at"}


def few(examples: int) -> hypothesis.settings:
    """Return how many examples are made up: the same ones each time, or many new ones."""
    return hypothesis.settings(
        max_examples=examples * 25 if ALL else examples,
        derandomize=not ALL,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@dataclass(frozen=True)
class Known:
    """The ids of what is there."""

    ids: tuple[UUID, ...]


def fill(engine: sa.Engine) -> Known:
    """Let there be something of everything; returns the ids."""
    incidents = [opened(engine, severity=each) for each in ("critical", "warning", "odd")]
    deliveries.record_all(
        engine, [Incoming("alertmanager", b"{}", None, "version: is missing", admitted_by="k")]
    )
    now = sa.select(sa.func.clock_timestamp() + sa.text("interval '1 hour'"))
    with engine.connect() as connection:
        until = connection.execute(now).scalar_one()
        unread = connection.scalars(sa.text("select id from deliveries")).all()
    switches.hold(engine, "/daily-summary", until, "we are at it", "Anna Ito")
    session = sign_ins.begin(engine, "Zoe Adler", Role.VIEWER, "a test").session
    approval, change = asked(engine, form_accepted=True), weakened(engine)
    there = (*incidents, *unread, approval.id, approval.run_id, change.id, session.id)
    return Known((*there, uuid4()))


def digest(engine: sa.Engine) -> str:
    """Return the digest of every row of every table, but for when somebody was last seen."""
    with engine.connect() as connection:
        names = sorted(sa.inspect(connection).get_table_names())
        found = hashlib.sha256()
        for name in names:
            row = f"to_jsonb({name}) - '{_SEEN.get(name, '')}'"
            asked_of = f"select {row} from {name} order by cast({row} as text)"  # noqa: S608 -- names of ours
            found.update(f"{name} {connection.execute(sa.text(asked_of)).all()}".encode())
    return found.hexdigest()
