"""Which leaves are meant: those about one incident or run, or those since a moment."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

_ABOUT = sa.text("""
    with runs as (
        select run_id from decisions where incident_id = :incident
        union select run_id from resolutions where incident_id = :incident
        union select run_id from approvals where incident_id = :incident
        union select run_id from permits where incident_id = :incident
        union select flow_run_id from dispatches
            where incident_id = :incident and flow_run_id is not null
        union select cast(:run as uuid) where cast(:run as uuid) is not null),
    about(kind, row_key) as (
        select 'deliveries', cast(delivery_id as text) from alerts where incident_id = :incident
        union select 'acknowledgements', cast(id as text) from acknowledgements
            where incident_id = :incident
        union select 'assignments', cast(id as text) from assignments
            where incident_id = :incident
        union select 'notes', cast(id as text) from notes where incident_id = :incident
        union select 'expiries', cast(id as text) from expiries where incident_id = :incident
        union select 'decisions', cast(id as text) from decisions join runs using (run_id)
        union select 'approvals', cast(id as text) from approvals join runs using (run_id)
        union select 'approval_answers', cast(n.id as text) from approval_answers n
            join approvals a on a.id = n.approval_id join runs using (run_id)
        union select 'approval_attempts', cast(n.id as text) from approval_attempts n
            join approvals a on a.id = n.approval_id join runs using (run_id)
        union select 'permits', cast(id as text) from permits join runs using (run_id)
        union select 'actions', cast(n.id as text) from actions n
            join permits p on p.id = n.permit_id join runs using (run_id)
        union select 'temporary_changes', cast(id as text) from temporary_changes
            join runs using (run_id)
        union select 'extensions', cast(n.id as text) from extensions n
            join temporary_changes c on c.id = n.change_id join runs r on r.run_id = c.run_id
        union select 'asked_ends', cast(n.id as text) from asked_ends n
            join temporary_changes c on c.id = n.change_id join runs r on r.run_id = c.run_id
        union select 'verifications', cast(id as text) from verifications join runs using (run_id)
        union select 'resolutions', cast(run_id as text) from resolutions join runs using (run_id)
        union select 'journal_entries', cast(id as text) from journal_entries
            join runs using (run_id))
    select l.position from log_leaves l join about using (kind, row_key)
    where l.position < :size order by l.position
""")
_SINCE = sa.text("""
    select min(position) from log_leaves
    where cast(leaf as json) ->> 'at' >= in_utc(:moment)
""")


def positions_about(connection: sa.Connection, incident_id: UUID, size: int) -> list[int]:
    """Return which of the first leaves are about an incident and its runs, in order."""
    return _positions(connection, size, incident=incident_id)


def positions_of_run(connection: sa.Connection, run_id: UUID, size: int) -> list[int]:
    """Return which of the first leaves are about a run, in order."""
    return _positions(connection, size, run=run_id)


def _positions(connection: sa.Connection, size: int, **about: UUID) -> list[int]:
    asked = {"incident": None, "run": None, **about, "size": size}
    return [position for (position,) in connection.execute(_ABOUT, asked)]


def first_since(connection: sa.Connection, moment: datetime) -> int | None:
    """Return the first leaf that was written down at this moment or later, None without one."""
    found: int | None = connection.execute(_SINCE, {"moment": moment}).scalar()
    return found
