"""Finds the incidents and runs that belong beside one under review: it may not be the first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.models.account import AccountOfRun
from cct_ops.models.review import Related

DAYS = 30
MOST = 20

SAME_ALERT = "the same alert"
SAME_REPAIR = "the same playbook on the same target"

_RELATED = sa.text("""
with found as (
    select other.id, other.opened_at as at, cast(:same_alert as text) as why
    from incidents mine join incidents other using (source, key)
    where mine.id = :id and other.id <> :id
    union all
    select coalesce(incident_id, run_id), min(finished_at), cast(:same_repair as text)
    from resolutions
    join unnest(cast(:playbooks as text[]), cast(:targets as text[])) as repaired (playbook, target)
        using (playbook, target)
    where finished_at >= :since and run_id <> all(cast(:runs as uuid[]))
        and coalesce(incident_id, run_id) <> :id
    group by 1
),
newest as (
    select id, min(at) as at, min(why) as why from found where at >= :since
    group by id order by 2 desc limit :most
)
select newest.id, coalesce(opened_at, newest.at) as at,
    coalesce(labels ->> 'alertname', last.playbook, '-') as what, last.outcome, why
from newest left join incidents on incidents.id = newest.id
left join lateral (
    select playbook, outcome from resolutions
    where resolutions.incident_id = newest.id or run_id = newest.id
    order by finished_at desc limit 1
) as last on true
order by at desc
""")


def find_related(
    connection: sa.Connection, wanted: UUID, runs: Iterable[AccountOfRun], since: datetime
) -> tuple[Related, ...]:
    """Return those since then of the same alert, or of a repair that one of the runs made."""
    runs = list(runs)
    repairs = sorted({(run.playbook, run.target) for run in runs if run.playbook})
    asked = _RELATED.bindparams(
        id=wanted,
        since=since,
        most=MOST,
        same_alert=SAME_ALERT,
        same_repair=SAME_REPAIR,
        playbooks=[playbook for playbook, _ in repairs],
        targets=[target for _, target in repairs],
        runs=[run.id for run in runs],
    )
    rows = connection.execute(asked)
    return tuple(Related.model_validate(row, from_attributes=True) for row in rows)
