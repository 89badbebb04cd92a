"""
Reads the account of an incident, or of a run without one, from the ledger alone.

Two statements in one snapshot: the first finds what the id belongs to and all runs that were for
it, the runs that recovered these or took their changes back among them; the second brings every
row about them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from pydantic import ValidationError

from cct_ops.errors import ContractBroken
from cct_ops.ledger import clock
from cct_ops.ledger.intake.outbox import NOTICE
from cct_ops.ledger.intake.tables import alerts, deliveries
from cct_ops.ledger.statements import find, scalars
from cct_ops.models.account import Account, AccountOf, AccountOfRun, ActorKind, Entry, EntryKind
from cct_ops.models.base import first_problem
from cct_ops.models.run import REVERT, Outcome
from cct_ops.record.entries import Row, Topic, fields_of, playbook
from cct_ops.record.entries_gate import GATE, ChangeRow, PermitRow
from cct_ops.record.entries_intake import INTAKE, AlertRow, DeliveryRow, DispatchRow, IncidentRow
from cct_ops.record.entries_notices import NOTICES, ThreadRow
from cct_ops.record.entries_people import PEOPLE, ApprovalRow
from cct_ops.record.entries_responders import RESPONDERS
from cct_ops.record.entries_run import RUN, DecisionRow, LeaseRow, ResolutionRow
from cct_ops.record.entries_takeovers import TAKEOVERS

_ROWS = (*INTAKE, *RUN, *GATE, *PEOPLE, *NOTICES, *RESPONDERS, *TAKEOVERS)

# An id is an incident's or a run's. A run that another one recovered, repeated or took back leads
# to that one as well.
_TOPIC = sa.text("""
    with recursive given as (
        select coalesce(
            (select id from incidents where id = :id),
            (select incident_id from dispatches where flow_run_id = :id limit 1),
            (select incident_id from decisions
                where run_id = :id and incident_id is not null limit 1),
            (select incident_id from resolutions where run_id = :id),
            (select incident_id from approvals
                where run_id = :id and incident_id is not null limit 1)
        ) as incident_id
    ),
    runs as (
        select :id as id from given where incident_id is distinct from :id
        union select flow_run_id from dispatches join given using (incident_id)
            where flow_run_id is not null
        union select run_id from decisions join given using (incident_id)
        union select run_id from resolutions join given using (incident_id)
        union select run_id from permits join given using (incident_id)
    ),
    followed as (
        select id, false as follows from runs
        union select next.id, true from followed,
            lateral (
                select successor_id as id from run_leases
                    where run_id = followed.id and successor_id is not null
                union all select scheduled_revert_id from temporary_changes
                    where run_id = followed.id and scheduled_revert_id is not null
            ) as next
    )
    select given.incident_id, clock_timestamp() as read_at,
        coalesce((select array_agg(id) from (select id, bool_and(follows) as follows from followed
            group by id) each where not follows), '{}') as runs,
        coalesce((select array_agg(id) from (select id, bool_and(follows) as follows from followed
            group by id) each where follows), '{}') as followers
    from given
""").bindparams(sa.bindparam("id", type_=sa.Uuid))


class _Found(NamedTuple):
    """What the first statement finds."""

    incident_id: UUID | None
    read_at: datetime
    runs: list[UUID]
    followers: list[UUID]


class Gathered(NamedTuple):
    """An account with the rows that it is told from."""

    account: Account
    rows: tuple[Row, ...]
    followers: frozenset[UUID]


def read(engine: sa.Engine, wanted: UUID) -> Account | None:
    """
    Return the account of an incident, or of a run; None of what the ledger does not know.

    A run that was for an incident leads to the account of that incident.
    """
    with snapshot(engine) as connection:
        found = gathered(connection, wanted)
    return None if found is None else found.account


def snapshot(engine: sa.Engine) -> sa.Connection:
    """Return a connection whose statements all see the ledger as it is at the first of them."""
    return engine.connect().execution_options(isolation_level="REPEATABLE READ")


def gathered(connection: sa.Connection, wanted: UUID) -> Gathered | None:
    """Return the same with its rows; ``followers`` are the runs that only went on with others."""
    found = _Found(*connection.execute(_TOPIC, {"id": wanted}).one())
    topic = Topic(found.incident_id, (*found.runs, *found.followers))
    rows = list(_read(connection, [(row, row.asked(topic)) for row in _ROWS]))
    if not rows:
        return None
    return Gathered(_account(wanted, found, rows), tuple(rows), frozenset(found.followers))


def incidents_of(engine: sa.Engine, delivery_id: UUID) -> list[UUID]:
    """Return the incidents that a delivery was about."""
    about = sa.select(alerts.c.incident_id).where(
        alerts.c.delivery_id == delivery_id, alerts.c.incident_id.is_not(None)
    )
    return [each for each in scalars(engine, about.distinct()) if each is not None]


def read_delivery(engine: sa.Engine, delivery_id: UUID) -> Account | None:
    """Return the account of a delivery that led to no incident; None of one that is unknown."""
    asked = sa.select(*fields_of(DeliveryRow, deliveries)).where(deliveries.c.id == delivery_id)
    row = find(engine, DeliveryRow, asked)
    if row is None:
        return None
    return Account(
        id=delivery_id,
        about=AccountOf.DELIVERY,
        heading=f"from {row.source}, {row.status}",
        state=row.status,
        summary=row.note,
        outcome=None,
        runs=(),
        entries=tuple(row.entries()),
        thread=None,
        read_at=clock.read(engine),
    )


def _read(
    connection: sa.Connection, wanted: Iterable[tuple[type[Row], sa.Select[tuple[object, ...]]]]
) -> Iterator[Row]:
    """Read the rows of several tables with one statement, each as JSON."""
    kinds, parts = [], []
    for at, (kind, asked) in enumerate(wanted):
        kinds.append(kind)
        part = asked.subquery(f"part_{at}")
        whole: sa.ColumnElement[object] = sa.func.to_jsonb(part.table_valued())
        parts.append(sa.select(sa.literal(at).label("kind"), whole.label("content")))
    for row in connection.execute(sa.union_all(*parts)):
        kind = kinds[row.kind]
        try:
            yield kind.model_validate(row.content)
        except ValidationError as error:
            raise ContractBroken(
                f"The ledger's row {row.content.get('id')} of {kind.table} cannot be read:"
                f" {first_problem(error)}."
            ) from None


def _account(wanted: UUID, found: _Found, rows: list[Row]) -> Account:
    runs = _runs(found, rows)
    incident = next((row for row in rows if isinstance(row, IncidentRow)), None)
    names = {run.id: run.playbook for run in runs}
    by_alert = any(isinstance(row, AlertRow) and row.verdict == "closed" for row in rows)
    told = [
        _named(entry, names)
        for row in rows
        for entry in row.entries()
        # What the sender's own word closed, that alert tells.
        if not (entry.kind is EntryKind.CLOSED and by_alert)
    ]
    thread = next((row.topic for row in rows if isinstance(row, ThreadRow)), None)
    mine = [run for run in runs if run.id not in found.followers]
    ended = [run for run in mine if run.outcome is not None]
    last = max(ended, key=lambda run: run.ended_at or found.read_at, default=None)
    return Account(
        id=wanted if incident is None else incident.id,
        about=AccountOf.RUN if incident is None else AccountOf.INCIDENT,
        heading=_heading(wanted, runs) if incident is None else incident.heading,
        state=_state(rows, mine) if incident is None else incident.stands,
        summary=_summary(rows, last),
        outcome=last.outcome if last else None,
        labels=incident.labels if incident else {},
        annotations=incident.annotations if incident else {},
        runs=runs,
        entries=tuple(sorted(told, key=lambda entry: entry.at)),
        thread=f"{thread.state}: {thread.title}" if thread else None,
        read_at=found.read_at,
    )


def _runs(found: _Found, rows: list[Row]) -> tuple[AccountOfRun, ...]:
    """Return the runs by their ends, those that have not ended last, with what each is called."""
    called: dict[UUID, tuple[str, str]] = {}
    ends: dict[UUID, ResolutionRow] = {}
    reverts: dict[UUID, ChangeRow] = {}
    for row in rows:
        if isinstance(row, DispatchRow) and row.flow_run_id is not None:
            called.setdefault(row.flow_run_id, (row.playbook or "", ""))
        if isinstance(row, DecisionRow | ApprovalRow | PermitRow | ResolutionRow):
            called[row.run_id] = (row.playbook, row.target)
        if isinstance(row, ResolutionRow):
            ends[row.run_id] = row
        if isinstance(row, ChangeRow) and row.scheduled_revert_id is not None:
            reverts[row.scheduled_revert_id] = row
    runs = []
    for run_id in dict.fromkeys((*found.runs, *found.followers)):
        change = reverts.get(run_id)
        if change is not None and run_id not in called:
            # It waits for its time; if the change is over before, it will find nothing to do.
            if change.ended_at is None:
                what = called.get(change.run_id, ("", ""))[1]
                due = AccountOfRun(id=run_id, playbook=REVERT, target=what, due=change.until)
                runs.append(due)
            continue
        name, target = called.get(run_id, ("", ""))
        end = ends.get(run_id)
        ended = (
            {}
            if end is None
            else {
                "outcome": Outcome(end.outcome),
                "reason": end.reason,
                "ended_at": end.finished_at,
            }
        )
        runs.append(AccountOfRun(id=run_id, playbook=name, target=target, **ended))
    return tuple(sorted(runs, key=lambda run: run.ended_at or found.read_at))


def _named(entry: Entry, names: dict[UUID, str]) -> Entry:
    """Give an entry of a run the name of its playbook, where its row does not have it."""
    name = names.get(entry.run_id) if entry.run_id else None
    if name and entry.actor.kind is ActorKind.PLAYBOOK:
        return entry.model_copy(update={"actor": playbook(name)})
    return entry


def _heading(wanted: UUID, runs: Iterable[AccountOfRun]) -> str:
    name = next(run.name for run in runs if run.id == wanted)
    return f"{name}, started without an alert"


def _state(rows: list[Row], mine: list[AccountOfRun]) -> str:
    """Say where a run without an incident stands."""
    if any(run.outcome is not None for run in mine):
        return "ended"
    if any(isinstance(row, ApprovalRow) and row.state == "pending" for row in rows):
        return "waits for approval"
    if any(isinstance(row, LeaseRow) and row.reaped_at for row in rows):
        return "taken for dead"
    return "at work"


def _summary(rows: list[Row], last: AccountOfRun | None) -> str | None:
    """Say in one sentence what became of it, or why nothing was started."""
    if last is not None:
        return f"{last.outcome}: {last.reason}"
    for row in rows:
        if isinstance(row, DispatchRow) and row.purpose != NOTICE:
            return row.words
    return None
