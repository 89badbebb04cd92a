"""
What really arrived, held against the ledger's rows afterwards.

The world's own list of writes is the beginning. A write counts as permitted only where the ledger
has a row for it, of that run, target, call and moment, on a permit that held at that moment, and
where the gate had said why; a change that persons were asked about must have had their yes before.

Beside that each write is held against what people wanted, by their own account and not the gate's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from cct_ops.models.guards import GuardSettings
from cct_ops.models.plan import Call
from evaluation.simulation.scenario import HOUR, ORDERS, Firing, Kind
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


@dataclass(frozen=True)
class People:
    """The facts that people know: each run's failure, their own runs, and those they approved."""

    limits: GuardSettings
    by_run: Mapping[UUID, Firing]
    own_runs: Set[UUID]
    said_yes: Set[UUID]
    incidents: Sequence[datetime]

    def unwanted(self, written: Sequence[Written]) -> Counter[str]:
        """Count the changes that nobody wanted, by what was wrong about each."""
        made = [each for each in written if each.lasting]
        return Counter(
            wrong for number, each in enumerate(made) for wrong in self._wrong(each, made[:number])
        )

    def _wrong(self, one: Written, before: Sequence[Written]) -> Iterator[str]:
        firing, own = self.by_run[one.run_id], one.run_id in self.own_runs
        if not one.needed:
            yield "changes nobody needed any more"
        if self._against_orders(one, firing.kind, own=own):
            yield "changes against orders"
        same = sum((each.run_id, each.call) == (one.run_id, one.call) for each in before)
        if same or (one.run_id not in self.said_yes and (own or firing.needs_person)):
            yield "changes without their own yes"
        if sum(each.at > one.at - HOUR for each in before) >= self.limits.actions_per_hour:
            yield "changes beyond the budget"
        pause = timedelta(minutes=self.limits.cool_down_minutes)
        recent = [each for each in before if each.at > one.at - pause and each.target == one.target]
        if not own and any(
            each.run_id != one.run_id and self.by_run[each.run_id].kind is firing.kind
            for each in recent
        ):
            yield "changes too soon after another"

    def _against_orders(self, one: Written, kind: Kind, *, own: bool) -> bool:
        silenced = ORDERS.silenced.get(one.target)
        held = ORDERS.held.get(one.target)
        storm = self.limits.storm
        window = timedelta(minutes=storm.within_minutes)
        recent = sum(one.at - window < each <= one.at for each in self.incidents)
        return (
            kind is Kind.WATCHED
            or one.target in ORDERS.unlisted
            or any(each.covers(one.at) for each in ORDERS.stopped)
            or any(each.covers(one.target, one.at) for each in ORDERS.windows)
            or bool(held and held.covers(one.at))
            or bool(silenced and silenced.covers(one.at) and not own)
            or (recent >= storm.incidents and not own)
        )
