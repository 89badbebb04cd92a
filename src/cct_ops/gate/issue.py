"""The transaction in which a permit is issued: the last look at all that stands against it."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from cct_ops.ledger.gate import approvals, guards, permits, takeovers
from cct_ops.models.guards import GuardResult, Intent, Rules
from cct_ops.models.plan import Permit, PermitKind, Plan
from cct_ops.models.run import Run
from cct_ops.models.takeover import Takeover


def issue(
    tx: sa.Connection,
    plan: Plan,
    run: Run,
    wanted: tuple[Intent, Rules],
    decide: Callable[[sa.Connection], None],
    *,
    fencing_token: int,
    seconds: float,
) -> Permit | GuardResult | Takeover:
    """
    Return the permit, or what stands against it; ``decide`` writes down the reason for the permit.

    Done twice, because the ledger died in the commit, it leaves a permit that nobody has.
    """
    guards.serialise(tx)
    taken = takeovers.fence(tx, run.id)
    stop = guards.first_stop(tx, *wanted)
    if stop is not None:
        return stop
    if taken is not None:
        return taken
    approvals.use(tx, run, plan)
    decide(tx)
    return permits.issue(
        tx,
        PermitKind.CHANGE,
        plan,
        plan.calls,
        run=run,
        fencing_token=fencing_token,
        seconds=seconds,
    )
