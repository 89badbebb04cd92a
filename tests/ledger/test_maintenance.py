"""Maintenance that people declare, as the gate meets it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa

from cct_ops.ledger.gate import maintenance
from cct_ops.models.guards import Guard
from cct_ops.models.maintenance import Declared
from tests.ledger.history import TARGET
from tests.ledger.test_guards import HOUR, rules, stop, stops, wanting


def test_maintenance_that_people_declared_stops_changes_while_it_goes_on(engine: sa.Engine) -> None:
    """Of the targets that it is about, from when to when; by itself it ends, or by a person."""
    now = datetime.now(UTC)

    def declare(begins: timedelta, ends: timedelta, *targets: str) -> Declared:
        window = Declared(
            id=uuid4(),
            targets=targets,
            starts_at=now + begins,
            ends_at=now + ends,
            reason="the move",
            person="ada",
        )
        assert maintenance.declare(engine, window)
        return window

    declare(HOUR, 2 * HOUR, "*")  # to come
    declare(-HOUR, timedelta(seconds=2), TARGET)
    elsewhere = declare(-HOUR, HOUR, "/weekly-*")
    assert stops(engine, rules(), wanting(target="/weekly-review")) is Guard.DECLARED
    assert maintenance.end(engine, elsewhere.id, "ada")
    assert stops(engine, rules(), wanting(target="/weekly-review")) is None

    found = stop(engine, rules(), wanting(by_person=True))
    assert found is not None
    assert found.guard is Guard.DECLARED
    assert "Maintenance: declared by ada, the move (until " in found.reason
    deadline = datetime.now(UTC) + timedelta(seconds=30)
    while stops(engine, rules()) is Guard.DECLARED:
        assert datetime.now(UTC) < deadline
    assert not maintenance.end(engine, elsewhere.id, "ada")
