"""Signs of life: a dead run is locked out before anybody does its work."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.errors import NotPermitted
from cct_ops.ledger.engine import connect
from cct_ops.ledger.gate import leases, locks, permits
from cct_ops.ledger.gate.permits import Checker
from cct_ops.ledger.gate.tables import run_leases
from cct_ops.ledger.statements import scalar
from cct_ops.models.plan import Permit, PermitKind, Step
from cct_ops.models.run import Run
from tests.ledger.history import CALL
from tests.plans import plan_of
from tests.stack.polling import eventually

RESET = CALL
PLAN = plan_of(Step(call=RESET, undo=None))


def permitted(engine: sa.Engine, run_id: UUID) -> Permit:
    """A permit of a run that holds the target's lock."""
    token = locks.acquire(engine, PLAN.target, run_id, seconds=60)
    assert token is not None
    with engine.begin() as tx:
        return permits.issue(
            tx,
            PermitKind.CHANGE,
            PLAN,
            PLAN.calls,
            run=Run(id=run_id, name="a run", playbook=PLAN.playbook),
            fencing_token=token,
            seconds=60,
        )


def expiry(engine: sa.Engine, run_id: UUID) -> datetime | None:
    """When the run's lease ends or ended; None if it never had one."""
    return scalar(engine, sa.select(run_leases.c.expires_at).where(run_leases.c.run_id == run_id))


def test_a_run_that_renews_its_lease_is_not_reaped(engine: sa.Engine) -> None:
    run_id = uuid4()
    with leases.alive(engine, run_id, seconds=3):
        first = expiry(engine, run_id)
        assert first is not None
        eventually(lambda: (expiry(engine, run_id) or first) > first)

        assert not leases.reap(engine, run_id)

    eventually(lambda: leases.reap(engine, run_id))


def test_a_reaped_run_gets_neither_lease_nor_permit(engine: sa.Engine) -> None:
    """Its process was only asleep: whatever it does next is refused."""
    run_id = uuid4()
    permit = permitted(engine, run_id)
    assert leases.reap(engine, run_id)

    with pytest.raises(NotPermitted, match="taken for dead"), leases.alive(engine, run_id, 1):
        pass
    with pytest.raises(NotPermitted, match="taken for dead"):
        permitted(engine, run_id)
    with (
        pytest.raises(NotPermitted, match="the permit is closed"),
        Checker(engine, run_id).check(permit, RESET),
    ):
        pass


def test_a_reaped_run_confirms_nothing(engine: sa.Engine) -> None:
    """What it sent while it slept or after it stays in doubt, until its recovery has looked."""
    run_id = uuid4()
    permit = permitted(engine, run_id)
    with Checker(engine, run_id).check(permit, RESET):
        assert leases.reap(engine, run_id)

    with pytest.raises(NotPermitted, match="taken for dead"):
        permits.confirm(engine, permit, RESET)
    assert permits.in_doubt(engine, permit) == (RESET,)


def test_only_a_run_that_left_something_behind_is_unfinished(engine: sa.Engine) -> None:
    """A change without an account, or a permit that nobody closed."""
    acted, idle = uuid4(), uuid4()
    with Checker(engine, acted).check(permitted(engine, acted), RESET):
        pass
    locks.release(engine, PLAN.target, _token(engine))
    permit = permitted(engine, idle)

    assert set(leases.unfinished(engine)) == {acted, idle}
    locks.release(engine, PLAN.target, _token(engine))
    permits.close(engine, permit)
    assert leases.unfinished(engine) == [acted]
    assert leases.reap(engine, acted)
    assert leases.unfinished(engine) == []
    assert leases.unsettled(engine) == [acted]


def test_a_dead_run_is_settled_by_one_at_a_time(engine: sa.Engine) -> None:
    run_id = uuid4()
    assert leases.reap(engine, run_id)

    with leases.claim(engine, run_id) as mine, leases.claim(engine, run_id) as other:
        assert mine is not None
        assert other is None
        leases.settle(mine[0], run_id)

    with leases.claim(engine, run_id) as late:
        assert late is None


def test_the_lock_of_a_dead_run_goes_to_its_recovery_and_then_to_anybody(engine: sa.Engine) -> None:
    dead, recovery, other = uuid4(), uuid4(), uuid4()
    old = locks.acquire(engine, PLAN.target, dead, seconds=60)
    assert leases.reap(engine, dead)

    assert locks.acquire(engine, PLAN.target, other, seconds=60) is None
    new = locks.acquire(engine, PLAN.target, recovery, seconds=60, dead_run_id=dead)
    assert old is not None
    assert new is not None
    assert new > old

    assert leases.reap(engine, recovery)
    with leases.claim(engine, recovery) as claim:
        assert claim is not None
        leases.settle(claim[0], recovery)
    assert locks.acquire(engine, PLAN.target, other, seconds=60) is not None


def test_a_dead_runs_lock_that_was_left_opens_no_other(engine: sa.Engine) -> None:
    dead, living, other = uuid4(), uuid4(), uuid4()
    assert locks.acquire(engine, "/left", dead, seconds=60) is not None
    assert leases.reap(engine, dead)
    with leases.claim(engine, dead) as claim:
        assert claim is not None
        leases.settle(claim[0], dead)
    assert locks.acquire(engine, PLAN.target, living, seconds=60) is not None

    assert locks.acquire(engine, PLAN.target, other, seconds=60) is None
    assert locks.acquire(engine, "/left", other, seconds=60) is not None


def _token(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(
            connection.execute(sa.text("select fencing_token from target_locks")).scalar_one()
        )


def test_a_process_that_sleeps_in_a_transaction_keeps_nobody_waiting_for_ever(
    ledger_url: SecretStr,
) -> None:
    """PostgreSQL ends such a session, and the options of whoever wrote the URL stay in force."""
    url = sa.make_url(ledger_url.get_secret_value())
    own = url.update_query_dict({"options": "-c statement_timeout=7s"})
    engine = connect(SecretStr(own.render_as_string(hide_password=False)))
    with engine.connect() as connection:
        limits = [
            connection.execute(sa.text(f"show {name}")).scalar_one()
            for name in ("idle_in_transaction_session_timeout", "statement_timeout")
        ]
    engine.dispose()

    assert limits == ["1min", "7s"]
