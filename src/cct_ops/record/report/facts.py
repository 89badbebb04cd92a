"""
Reads what figures are made of: one row for each incident, aggregated by PostgreSQL.

As in an account, the runs of an incident are those that were for it and those that recovered them,
did their work anew or took their changes back. A run that was for no incident is a row of its own
once it has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger import clock
from cct_ops.record.incidents import NO_RUN

# Which incidents, and which runs that were for none, are meant.
_IN_TIME = (
    "opened_at >= :since and opened_at < :until",
    "ended.finished_at >= :since and ended.finished_at < :until",
)
_ONE = ("id = :id", "ended.run_id = :id")


def _runs(incidents: str, ended: str) -> str:
    """Return the beginning of a statement about cases: which there are, and the runs of each."""
    return f"""
with recursive
next_runs as materialized (
    select run_id, successor_id as next_id from run_leases where successor_id is not null
    union select run_id, scheduled_revert_id from temporary_changes
        where scheduled_revert_id is not null
),
cases as materialized (
    select id, true as incident, opened_at, source as began_by, state,
        coalesce(labels ->> 'alertname', '-') as what
    from incidents where {incidents}
    union all
    select ended.run_id, false, coalesce(lease.began_at, ended.finished_at),
        coalesce(lease.started_as, '-'), 'closed', 'a run'
    from resolutions ended left join run_leases lease on lease.run_id = ended.run_id
    where ended.incident_id is null and {ended}
        and not exists (select from dispatches where flow_run_id = ended.run_id)
        and not exists (
            select from next_runs join resolutions first on first.run_id = next_runs.run_id
            where next_runs.next_id = ended.run_id
        )
),
named as (
    select id as case_id, id as run_id from cases where not incident
    union select cases.id, flow_run_id from cases join dispatches on incident_id = cases.id
        where flow_run_id is not null
    union select cases.id, run_id from cases join decisions on incident_id = cases.id
    union select cases.id, run_id from cases join resolutions on incident_id = cases.id
    union select cases.id, run_id from cases join permits on incident_id = cases.id
),
followed as (
    select case_id, run_id, false as follows from named
    union select followed.case_id, next_id, true
        from followed join next_runs on next_runs.run_id = followed.run_id
),
mine as materialized (
    select case_id, run_id, bool_and(follows) as follows from followed group by case_id, run_id
)
"""  # noqa: S608 -- our own text


_RUNS = _runs(*_IN_TIME)

_ABOUT_CASES = """
ended as materialized (
    select distinct on (case_id) case_id, run_id, playbook, target, outcome, finished_at
    from mine join resolutions using (run_id) where not follows
    order by case_id, finished_at desc
),
decided as (
    select case_id,
        array_agg(distinct guard) filter (where guard is not null) as guards,
        bool_or(verdict = 'Undone') as undone,
        bool_or(verdict = 'undo failed') as undo_failed,
        (array_agg(playbook order by id desc) filter (where not follows))[1] as playbook,
        (array_agg(target order by id desc) filter (where not follows))[1] as target
    from mine join decisions using (run_id) group by case_id
),
acknowledged as (
    select case_id, min(at) as at from (
        select incident_id as case_id, finished_at as at
            from cases join dispatches on incident_id = cases.id where flow_run_id is not null
        union all select case_id, began_at
            from mine join run_leases using (run_id) where not follows
        union all select cases.id, attempted_at
            from cases join pages on topic_id = cases.id
            join page_attempts on page_id = pages.id where reached
        union all select case_id, answered_at
            from mine join approvals using (run_id)
            join approval_answers on approval_id = approvals.id
    ) as ways group by case_id
),
looked as (
    select case_id, min(run_reads.began_at) as at from mine join run_reads using (run_id)
    group by case_id
),
changed as (
    select case_id,
        min(intended_at) filter (where actions.state <> 'not done') as at,
        not coalesce(bool_and(actions.state = 'not done'), false) as attempted
    from mine join permits using (run_id) left join actions on permit_id = permits.id
    where kind = 'change' group by case_id
),
fixed as materialized (
    select case_id, ended.run_id, playbook, target, finished_at, max(verified_at) as verified_at
    from ended join verifications on verifications.run_id = ended.run_id
    where outcome = 'Resolved' and verdict = 'holds'
    group by case_id, ended.run_id, playbook, target, finished_at
),
again as (
    select case_id, wanted.at from fixed, lateral (
        select decided_at as at from decisions
        where playbook = fixed.playbook and target = fixed.target
            and decided_at > fixed.finished_at
            and decided_at <= fixed.finished_at + interval '24 hours'
            and run_id <> fixed.run_id
        order by decided_at limit 1
    ) as wanted
),
answered as (
    select case_id, count(*) as answers
    from mine join approvals using (run_id) join approval_answers on approval_id = approvals.id
    group by case_id
),
counted as (
    select case_id, count(*) filter (where not follows) as runs from mine group by case_id
),
undone as (
    select case_id, bool_or(outcome = 'Undone') as undone
    from mine join resolutions using (run_id) group by case_id
)
select cases.id::text as id, incident, opened_at, began_by, what, cases.state,
    coalesce(ended.playbook, decided.playbook, started.playbook) as playbook,
    coalesce(ended.target, decided.target) as target,
    coalesce(ended.outcome, cast(:words as jsonb) ->> started.state) as outcome,
    coalesce(runs, 0) as runs,
    acknowledged.at as acknowledged_at,
    -- an answer that was asked for before, for another run, was there at once
    case when looked.at is not null then greatest(looked.at, opened_at) end as looked_at,
    changed.at as changed_at,
    coalesce(attempted, false) as attempted,
    verified_at,
    fixed.finished_at as fixed_at,
    again.at as again_at,
    coalesce(decided.undone, false) or coalesce(undone.undone, false) as undone,
    coalesce(undo_failed, false) as undo_failed,
    coalesce(guards, '{}') as guards,
    coalesce(answers, 0) as answers
from cases
left join dispatches started on incident_id = cases.id and purpose = 'remediate'
left join ended on ended.case_id = cases.id
left join decided on decided.case_id = cases.id
left join acknowledged on acknowledged.case_id = cases.id
left join looked on looked.case_id = cases.id
left join changed on changed.case_id = cases.id
left join fixed on fixed.case_id = cases.id
left join again on again.case_id = cases.id
left join answered on answered.case_id = cases.id
left join counted on counted.case_id = cases.id
left join undone on undone.case_id = cases.id
order by opened_at, cases.id
"""

_CASES = sa.text(f"{_RUNS}, {_ABOUT_CASES}")
_CASE = sa.text(f"{_runs(*_ONE)}, {_ABOUT_CASES}")

_REQUESTS = sa.text(f"""
{_RUNS}
select case_id::text as case_id, state, requested_at, decided_at
from mine join approvals using (run_id) order by requested_at
""")  # noqa: S608 -- both are our own text

_CHANGES = sa.text(f"""
{_RUNS}
select case_id::text as case_id, state, created_at, until, ended_at, alarmed_at,
    state in ('scheduled', 'active', 'reverting') and until <= :until as overdue
from mine join temporary_changes using (run_id) where state <> 'not made' order by created_at
""")  # noqa: S608 -- both are our own text

_MOMENTS = {
    "opened_at",
    "acknowledged_at",
    "looked_at",
    "changed_at",
    "verified_at",
    "fixed_at",
    "again_at",
    "requested_at",
    "decided_at",
    "created_at",
    "ended_at",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """
    Frames of pandas: the incidents and runs, their requests for approval, their temporary changes.

    ``until`` is when they were read; what came later is not in them.
    """

    since: datetime
    until: datetime
    cases: Any
    requests: Any
    changes: Any


def read(engine: sa.Engine, since: datetime) -> Facts:
    """Read all that came in, and all runs for no incident that ended, since then."""
    until = clock.read(engine)
    asked = {"since": since, "until": until}
    snapshot = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with snapshot as connection:
        cases = _frame(connection, _CASES.bindparams(_WORDS), asked)
        requests = _frame(connection, _REQUESTS, asked)
        changes = _frame(connection, _CHANGES, asked)
    return Facts(since, until, cases, requests, changes)


class Case(NamedTuple):
    """When what happened to one incident, or to a run that was for none; its fix, and its end."""

    incident: bool
    opened_at: datetime
    acknowledged_at: datetime | None
    looked_at: datetime | None
    changed_at: datetime | None
    verified_at: datetime | None
    fixed_at: datetime | None
    again_at: datetime | None


def of_one(connection: sa.Connection, wanted: UUID) -> Case | None:
    """Return the row of one incident or run; None where it is no case of its own, or not yet."""
    found = connection.execute(_CASE.bindparams(_WORDS), {"id": wanted}).one_or_none()
    return None if found is None else Case(*(getattr(found, name) for name in Case._fields))


_WORDS = sa.bindparam("words", NO_RUN, type_=sa.dialects.postgresql.JSONB)


def _frame(connection: sa.Connection, query: sa.TextClause, asked: dict[str, Any]) -> Any:
    """Return what a statement finds, with its moments as moments where all are missing too."""
    import pandas as pd

    found = connection.execute(query, asked)
    frame = pd.DataFrame(found.all(), columns=list(found.keys()))
    for name in _MOMENTS & set(frame.columns):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame
