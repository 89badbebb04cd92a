"""No permit that the ledger does not hold for this very run and step lets a request out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.actions.operator import CctOperator
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import NotPermitted
from cct_ops.ledger.gate import locks, permits
from cct_ops.ledger.gate.tables import actions
from cct_ops.models.cct import Route
from cct_ops.models.plan import Call, Permit, PermitKind, Plan, Step
from cct_ops.models.run import Run
from cct_ops.sandbox.control import SandboxControl
from tests.clients.parts import RecordingPacer
from tests.conftest import API_KEY
from tests.plans import plan_of

ROUTE, OTHER = Route.PRE_MARKET_BRIEFING, Route.DAILY_SUMMARY
RESET = Call(method="reset_canary", arguments={"route": ROUTE.value})
DISABLE = Call(method="disable_canary", arguments={"route": ROUTE.value})
RESET_OTHER = Call(method="reset_canary", arguments={"route": OTHER.value})


def plan(call: Call = RESET) -> Plan:
    """A plan of one step."""
    return plan_of(Step(call=call, undo=DISABLE), target=ROUTE.value)


@dataclass(frozen=True)
class Holder:
    """A run that holds the lock of its target and a permit for one call."""

    engine: sa.Engine
    transport: CctTransport
    run: Run
    token: int
    permit: Permit

    def issue(self, of: Plan, seconds: float = 60) -> Permit:
        """Have the ledger hold one more permit."""
        with self.engine.begin() as tx:
            return permits.issue(
                tx,
                PermitKind.CHANGE,
                of,
                of.calls,
                run=self.run,
                fencing_token=self.token,
                seconds=seconds,
            )

    def carry_out(self, permit: Permit, call: Call = RESET, run: Run | None = None) -> None:
        """Try to make a call on a permit."""
        checker = permits.Checker(self.engine, (run or self.run).id)
        CctOperator(permit, checker, self.transport).perform(call)


def a_run() -> Run:
    """Some run of the playbook."""
    return Run(id=uuid4(), name="clever-otter", playbook="auto-rollback", incident_id=None)


@pytest.fixture
def holder(engine: sa.Engine, sandbox: SandboxControl) -> Iterator[Holder]:
    """A run with a good permit."""
    run, wanted = a_run(), plan()
    token = locks.acquire(engine, wanted.target, run.id, seconds=60)
    assert token is not None
    with engine.begin() as tx:
        good = permits.issue(
            tx, PermitKind.CHANGE, wanted, wanted.calls, run=run, fencing_token=token, seconds=60
        )
    with CctTransport(sandbox.base_url, SecretStr(API_KEY), RecordingPacer()) as transport:
        yield Holder(engine, transport, run, token, good)


def test_a_good_permit_lets_its_step_out_once(holder: Holder, sandbox: SandboxControl) -> None:
    holder.carry_out(holder.permit)
    with pytest.raises(NotPermitted, match="carried it out already"):
        holder.carry_out(holder.permit)

    assert len(sandbox.writes()) == 1


def by_hand(holder: Holder) -> None:
    holder.carry_out(holder.permit.model_copy(update={"id": uuid4()}))


def changed(holder: Holder) -> None:
    wider = holder.permit.model_copy(update={"calls": (RESET_OTHER,)})
    holder.carry_out(wider, RESET_OTHER)


def prolonged(holder: Holder) -> None:
    later = holder.permit.expires_at + timedelta(hours=1)
    holder.carry_out(holder.permit.model_copy(update={"expires_at": later}))


def copied(holder: Holder) -> None:
    holder.carry_out(holder.permit, run=a_run())


def copied_and_renamed(holder: Holder) -> None:
    thief = a_run()
    holder.carry_out(holder.permit.model_copy(update={"run_id": thief.id}), run=thief)


def expired(holder: Holder) -> None:
    holder.carry_out(holder.issue(plan(), seconds=-1))


def of_another_plan(holder: Holder) -> None:
    holder.carry_out(holder.issue(plan(DISABLE)), RESET)


def closed(holder: Holder) -> None:
    permits.close(holder.engine, holder.permit)
    holder.carry_out(holder.permit)


def without_the_lock(holder: Holder) -> None:
    locks.release(holder.engine, ROUTE.value, holder.token)
    locks.acquire(holder.engine, ROUTE.value, uuid4(), seconds=60)
    holder.carry_out(holder.permit)


@pytest.mark.parametrize(
    ("attempt", "reason"),
    [
        (by_hand, "no such permit"),
        (changed, "differs from the ledger's"),
        (prolonged, "differs from the ledger's"),
        (copied, "belongs to another run"),
        (copied_and_renamed, "differs from the ledger's"),
        (expired, "the permit expired"),
        (of_another_plan, "not the next step"),
        (closed, "the permit is closed"),
        (without_the_lock, "no longer holds the lock"),
    ],
)
def test_any_other_permit_lets_nothing_out(
    holder: Holder, sandbox: SandboxControl, attempt: Callable[[Holder], None], reason: str
) -> None:
    """It is refused before any request leaves, and nothing is journalled as intended."""
    with pytest.raises(NotPermitted, match=reason):
        attempt(holder)

    assert sandbox.requests() == []
    with holder.engine.connect() as connection:
        assert connection.execute(sa.select(actions)).all() == []
