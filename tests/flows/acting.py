"""A plan carried out and verified as after a yes, for what always needs one."""

from __future__ import annotations

from prefect import flow

from cct_ops.ledger.gate import locks, permits
from cct_ops.models.plan import PermitKind, Plan
from cct_ops.models.verification import Verification
from tasks.actions import perform_all
from tasks.connections import current_run, ledger
from tasks.verify import verify

SECONDS = 120


@flow(name="acting")
def act(plan: Plan) -> Verification:
    """Carry out a plan under a lock and a permit of the ledger."""
    run = current_run()
    token = locks.acquire(ledger(), plan.target, run.id, SECONDS)
    assert token is not None
    with ledger().begin() as tx:
        permit = permits.issue(
            tx,
            PermitKind.CHANGE,
            plan,
            plan.calls,
            run=run,
            fencing_token=token,
            seconds=SECONDS,
        )
    perform_all(permit)
    return verify(plan)
