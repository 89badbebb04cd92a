"""
What really arrived, held against the ledger's rows afterwards.

The world's own list of writes is the beginning. A write counts as permitted only where the ledger
has a row for it, of that run, target, call and moment, on a permit that held at that moment, and
where the gate had said why; a change that persons were asked about must have had their yes before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa

from cct_ops.models.plan import Call
from evaluation.simulation.world import Written

_JOURNALLED = sa.text("""
    select permits.run_id, permits.target, actions.call, actions.intended_at
    from actions join permits on permits.id = actions.permit_id
    where actions.intended_at >= permits.issued_at
      and actions.intended_at < permits.expires_at
      and (permits.closed_at is null or actions.intended_at <= permits.closed_at)
      and (permits.kind = 'restore' or exists (
            select 1 from decisions
            where decisions.run_id = permits.run_id
              and decisions.plan_digest = permits.plan_digest
              and decisions.verdict = 'permitted'))
      and (permits.kind = 'restore' or not exists (
            select 1 from approvals
            where approvals.run_id = permits.run_id
              and approvals.plan_digest = permits.plan_digest
              and (approvals.state <> 'approved' or approvals.used_at is null)))
""")


def unpermitted(engine: sa.Engine | None, written: Sequence[Written]) -> int:
    """Count the writes that no permit covers; without a ledger that is every one."""
    if engine is None:
        return len(written)
    with engine.connect() as connection:
        covered = Counter(
            (at, run_id, target, str(Call.model_validate(call)))
            for run_id, target, call, at in connection.execute(_JOURNALLED)
        )
    arrived = Counter((each.at, each.run_id, each.target, str(each.call)) for each in written)
    return (arrived - covered).total()
