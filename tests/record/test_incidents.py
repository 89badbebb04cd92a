"""The list of accounts: incidents, and runs that were for none, by every filter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from cct_ops.ledger.intake.tables import incidents as incident_rows
from cct_ops.ledger.record import account as runs
from cct_ops.models.guards import Guard
from cct_ops.models.run import Outcome
from cct_ops.record import incidents
from cct_ops.record.incidents import Filters
from tests.ledger.history import TARGET, a_run, attempt, decided
from tests.record.test_account import arrive

LONG_AGO = datetime.now(UTC) - timedelta(days=2)


@pytest.fixture
def several(engine: sa.Engine) -> dict[str, UUID]:
    """An incident of each kind, and a run that was for none."""
    blocked = a_run(incident_id=arrive(engine, "Blocked"))
    decided(engine, blocked, "Blocked", guard=Guard.HOLD.value)
    runs.record_outcome(engine, blocked, TARGET, Outcome.BLOCKED, "a hold")
    waits = arrive(engine, "Waits")
    over = arrive(engine, "Over")
    old = {"state": "closed", "closed_as": "expired", "opened_at": LONG_AGO}
    with engine.begin() as tx:
        tx.execute(sa.update(incident_rows).where(incident_rows.c.id == over).values(old))
    manual = attempt(engine, Outcome.RESOLVED, target="/other", playbook="canary-issue")
    assert blocked.incident_id is not None
    return {"blocked": blocked.incident_id, "waits": waits, "over": over, "manual": manual.id}


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (Filters(), ["manual", "waits", "blocked", "over"]),
        (Filters(state="open"), ["waits", "blocked"]),
        (Filters(state="closed"), ["manual", "over"]),
        (Filters(playbook="auto-rollback"), ["blocked"]),
        (Filters(target="/other"), ["manual"]),
        (Filters(outcome="Blocked"), ["blocked"]),
        (Filters(outcome="waits", state="closed"), ["over"]),
        (Filters(since=datetime.now(UTC) - timedelta(days=1)), ["manual", "waits", "blocked"]),
        (Filters(playbook="auto-rollback", outcome="Resolved"), []),
    ],
)
def test_the_list_keeps_to_every_filter(
    engine: sa.Engine, several: dict[str, UUID], filters: Filters, names: list[str]
) -> None:
    found = incidents.newest(engine, 10, filters)

    assert [each.id for each in found] == [several[name] for name in names]


def test_the_list_shows_the_newest_of_both_kinds(
    engine: sa.Engine, several: dict[str, UUID]
) -> None:
    found = incidents.newest(engine, 2, Filters())

    assert [each.id for each in found] == [several["manual"], several["waits"]]
