"""The phases in which runs stood while something lasted, as far as the ledger's rows tell."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from evaluation.cluster.names import PHASES, Phase

# Each phase of each run, from one moment to another. What has no end yet goes on; a run that was
# made is looked for by its dispatch, and later by what it writes down itself before each step.
_STOOD = """
    with stood as (
        select id as run_id, 'created' as phase, created_at as began, finished_at as ended
        from dispatches where playbook is not null
      union all
        select flow_run_id, 'pending', dispatches.finished_at, run_leases.began_at
        from dispatches left join run_leases on run_leases.run_id = flow_run_id
        where flow_run_id is not null
      union all
        select run_leases.run_id, 'looking', began_at, least(
            (select min(requested_at) from approvals where run_id = run_leases.run_id),
            (select min(issued_at) from permits where run_id = run_leases.run_id))
        from run_leases where began_at is not null
      union all
        select run_id, 'waiting for a yes', requested_at, coalesce(decided_at, settled_at)
        from approvals
      union all
        select run_id, 'under lock', issued_at,
               (select min(intended_at) from actions where permit_id = permits.id)
        from permits where kind = 'change'
      union all
        select run_id, 'sent and not answered', intended_at, coalesce(confirmed_at, closed_at)
        from actions join permits on permits.id = permit_id
      union all
        select run_id, 'watching',
               (select max(confirmed_at) from actions where permit_id = permits.id),
               coalesce((select min(verified_at) from verifications
                         where verifications.run_id = permits.run_id), closed_at)
        from permits where kind = 'change'
      union all
        select run_id, 'undoing', issued_at, closed_at from permits where kind = 'restore'
      union all
        select run_id, 'reporting', verified_at, null from verifications
    )
    select phase, count(distinct stood.run_id)
    from stood left join resolutions on resolutions.run_id = stood.run_id
    where began <= :ended
      and coalesce(stood.ended, resolutions.finished_at, :ended) >= :began
      and (resolutions.finished_at is null or resolutions.finished_at >= :began)
    group by phase
"""


def phases(engine: sa.Engine, began: datetime, ended: datetime) -> dict[Phase, int]:
    """Return how many runs stood in each phase at some moment between the two."""
    with engine.connect() as connection:
        asked = connection.execute(sa.text(_STOOD), {"began": began, "ended": ended})
        found = dict(asked.tuples().all())
    return {phase: int(found.get(phase, 0)) for phase in PHASES}
