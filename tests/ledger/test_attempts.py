"""One process at a time works on a run, and none after it was permitted anything or has ended."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate import attempts, leases
from cct_ops.ledger.gate.tables import run_leases
from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome, Run
from tests.ledger.test_leases import PLAN, permitted
from tests.stack.polling import eventually


def test_a_second_process_waits_until_the_first_has_let_go(engine: sa.Engine) -> None:
    """A suspended run goes on in another process, at once."""
    run_id = uuid4()
    with (
        attempts.attempt(engine, run_id, 60) as first,
        attempts.attempt(engine, run_id, 60) as second,
    ):
        pass
    with attempts.attempt(engine, run_id, 60) as third:
        pass

    assert first is None
    assert second is not None
    assert "Another process" in second
    assert third is None


def test_the_run_of_a_process_that_died_is_free_when_its_lease_is_over(engine: sa.Engine) -> None:
    run_id = uuid4()
    with engine.begin() as tx:
        tx.execute(
            sa.insert(run_leases).values(
                run_id=run_id, holder=uuid4(), expires_at=sa.text("clock_timestamp()")
            )
        )

    with attempts.attempt(engine, run_id, 60) as refusal:
        assert refusal is None


@pytest.mark.parametrize(
    "end", ["has ended already: Blocked", "taken for dead", "begun its change"]
)
def test_a_refusal_leaves_the_ledger_as_it_is(engine: sa.Engine, end: str) -> None:
    run = Run(id=uuid4(), name="a run", playbook=PLAN.playbook)
    if "ended" in end:
        account.record_outcome(engine, run, PLAN.target, Outcome.BLOCKED, "So it was.")
    elif "dead" in end:
        assert leases.reap(engine, run.id)
    else:
        permitted(engine, run.id)
    before = leases.expiry(engine, run.id)

    with attempts.attempt(engine, run.id, 60) as refusal:
        assert refusal is not None
        assert end in refusal

    assert leases.expiry(engine, run.id) == before


@pytest.mark.parametrize("ended", [True, False])
def test_what_a_dead_run_left_open_is_found_whether_it_gave_an_account_or_not(
    engine: sa.Engine, ended: bool
) -> None:
    """A permit, or a lock; a run that only waits left neither."""
    run, waiting = Run(id=uuid4(), name="a run", playbook=PLAN.playbook), uuid4()
    for each in (run.id, waiting):
        with engine.begin() as tx:
            leases.touch(tx, each, 0)
    permitted(engine, run.id)
    if ended:
        account.record_outcome(engine, run, PLAN.target, Outcome.NOTHING_TO_DO, "So it was.")

    eventually(lambda: leases.unfinished(engine) == [run.id])
    assert leases.reap(engine, run.id)
    assert leases.unfinished(engine) == []
