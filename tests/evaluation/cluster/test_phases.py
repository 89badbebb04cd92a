"""The phases in which runs stood, from the ledger's rows."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate.tables import actions, approvals, permits, run_leases
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.ledger.record.tables import resolutions, verifications
from evaluation.cluster.phases import phases
from tests.evaluation.cluster.rows import after, asked, opened, permitted

STOOD = {
    1: "created",
    3: "pending",
    4.5: "looking",
    7: "waiting for a yes",
    9.5: "under lock",
    11: "sent and not answered",
    13: "watching",
    15: "reporting",
}


@pytest.fixture
def run_through_all(engine: sa.Engine) -> None:
    """One run that asks, changes, watches and reports, as the ledger has it at the end."""
    run_id, incident_id = uuid4(), opened(engine, 0)
    sent = {"id": uuid4(), "incident_id": incident_id, "purpose": "remediate", "state": "sent"}
    sent |= {"flow_run_id": run_id, "playbook": "auto-rollback"}
    times = {"created_at": after(0.5), "finished_at": after(2)}
    with engine.begin() as tx:
        tx.execute(sa.insert(dispatches).values(**sent, **times))
        lease = {"run_id": run_id, "expires_at": after(60), "began_at": after(4)}
        tx.execute(sa.insert(run_leases).values(lease))
    asked(engine, run_id)  # at 5 s
    permitted(engine, 10, run_id)
    with engine.begin() as tx:
        tx.execute(sa.update(approvals).values(decided_at=after(8)))
        tx.execute(sa.update(permits).values(issued_at=after(9), closed_at=after(15.5)))
        tx.execute(sa.update(actions).values(confirmed_at=after(12)))
        held = {"verdict": "holds", "reason": "It serves.", "samples": 5}
        tx.execute(sa.insert(verifications).values(run_id=run_id, verified_at=after(14), **held))
        told = {"playbook": "auto-rollback", "target": "/x", "outcome": "Resolved", "reason": ""}
        tx.execute(sa.insert(resolutions).values(run_id=run_id, finished_at=after(16), **told))


@pytest.mark.usefixtures("run_through_all")
def test_a_run_is_counted_where_it_stood(engine: sa.Engine) -> None:
    for second, phase in STOOD.items():
        counted = phases(engine, after(second), after(second))
        assert [name for name, number in counted.items() if number] == [phase], second


@pytest.mark.usefixtures("run_through_all")
def test_a_time_counts_all_phases_in_it_and_none_beside_it(engine: sa.Engine) -> None:
    through = phases(engine, after(0), after(100))

    assert {name for name, number in through.items() if number == 1} == set(STOOD.values())
    assert set(phases(engine, after(-9), after(0)).values()) == {0}
    assert set(phases(engine, after(17), after(99)).values()) == {0}
