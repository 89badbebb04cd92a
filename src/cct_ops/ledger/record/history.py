"""An incident with everything that was done about it, for those who look back."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.gate import changes
from cct_ops.ledger.gate.tables import approvals
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.tables import alerts, dispatches, incidents
from cct_ops.ledger.people import pages, status_posts
from cct_ops.ledger.people.pages import Paged
from cct_ops.ledger.record import account
from cct_ops.ledger.record.tables import decisions, resolutions
from cct_ops.ledger.statements import find, read, scalar, scalars
from cct_ops.models.base import Frozen
from cct_ops.models.change import TemporaryChange


class Asked(Frozen):
    """One request for approval and its answer."""

    state: str
    requested_at: datetime
    decided_at: datetime | None
    approver: str | None
    authenticated: bool
    note: str | None


class RunStory(Frozen):
    """One run: which playbook on what, what the ledger knows of it, and who was asked."""

    id: UUID
    playbook: str
    target: str
    known: account.RunRecord
    asked: tuple[Asked, ...]
    changes: tuple[TemporaryChange, ...] = ()


class AlertSeen(Frozen):
    """One alert about the incident, as it came in."""

    received_at: datetime
    delivery_id: UUID
    status: str
    verdict: str


class Dispatched(Frozen):
    """The task that an incident gave: to start a run (remediate) or to send a notice."""

    purpose: str
    state: str
    rule: str | None
    playbook: str | None
    note: str | None
    flow_run_id: UUID | None
    created_at: datetime
    finished_at: datetime | None
    notified_at: datetime | None
    undelivered: str | None

    @property
    def notice(self) -> str:
        """Say whether a notice reached people."""
        return outbox.describe_notice(self.state, self.notified_at, self.undelivered)


_SAID = "it began, says the alert"
_WHY_CLOSED = {
    "expired": ": it was not reported again",
    "superseded": ": its sender reported a later episode, and never its end",
}


class Incident(Frozen):
    """One episode of one thing being wrong."""

    id: UUID
    source: str
    state: str
    closed_as: str | None
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None

    @property
    def began(self) -> str:
        """Say whose word it is when it began: of what has no date the first receipt counts."""
        return "it first came here" if self.starts_at == self.opened_at else _SAID

    @property
    def closed(self) -> str:
        """Say how it was closed, and why where nobody said that it was over."""
        return f"closed as {self.closed_as}{_WHY_CLOSED.get(self.closed_as or '', '')}"


class Story(Frozen):
    """
    An incident, None if people started the runs, with its alerts and its runs in order.

    ``paged`` is who was reached about it, ``public`` what the status page showed, and when.
    """

    incident: Incident | None
    alerts_seen: tuple[AlertSeen, ...]
    runs: tuple[RunStory, ...]
    paged: tuple[Paged, ...] = ()
    public: tuple[tuple[str, datetime], ...] = ()
    dispatches: tuple[Dispatched, ...] = ()


def of_incident(engine: sa.Engine, incident_id: UUID) -> Story | None:
    """Read all about an incident; None if the ledger does not know it."""
    seen = sa.select(alerts).where(alerts.c.incident_id == incident_id)
    sent = sa.select(dispatches).where(dispatches.c.incident_id == incident_id)
    run_ids = sa.union(
        *(
            sa.select(table.c.run_id).where(table.c.incident_id == incident_id)
            for table in (decisions, resolutions)
        ),
        sa.select(dispatches.c.flow_run_id).where(
            dispatches.c.incident_id == incident_id, dispatches.c.flow_run_id.is_not(None)
        ),
    )
    with engine.connect() as connection:
        incident = find(
            connection, Incident, sa.select(incidents).where(incidents.c.id == incident_id)
        )
        if incident is None:
            return None
        return Story(
            incident=incident,
            alerts_seen=tuple(read(connection, AlertSeen, seen.order_by(alerts.c.received_at))),
            runs=_in_order([_run(engine, run_id) for run_id in scalars(connection, run_ids)]),
            paged=tuple(pages.about(connection, incident_id)),
            public=tuple(status_posts.posted(connection, incident_id)),
            dispatches=tuple(read(connection, Dispatched, sent.order_by(dispatches.c.created_at))),
        )


def of_run(engine: sa.Engine, run_id: UUID) -> Story | None:
    """Read all about the incident of a run, or about the run alone; None if it is unknown."""
    run = _run(engine, run_id)
    known = sa.union(
        *(
            sa.select(table.c.incident_id).where(
                table.c.run_id == run_id, table.c.incident_id.is_not(None)
            )
            for table in (decisions, resolutions, approvals)
        ),
        sa.select(dispatches.c.incident_id).where(dispatches.c.flow_run_id == run_id),
    )
    incident_id = scalar(engine, known.limit(1))
    if incident_id is not None:
        return of_incident(engine, incident_id)
    if run is None:
        return None
    return Story(
        incident=None, alerts_seen=(), runs=(run,), paged=tuple(pages.about(engine, run_id))
    )


def read_requests(engine: sa.Engine, run_id: UUID) -> tuple[Asked, ...]:
    """Read the requests for approval of one run, oldest first."""
    asked = sa.select(approvals).where(approvals.c.run_id == run_id)
    return tuple(read(engine, Asked, asked.order_by(approvals.c.requested_at)))


def _run(engine: sa.Engine, run_id: UUID) -> RunStory | None:
    """Read one run; None as long as it has left nothing in the ledger but its dispatch."""
    names = sa.union_all(
        *(
            sa.select(table.c.playbook, table.c.target).where(table.c.run_id == run_id)
            for table in (resolutions, decisions, approvals)
        )
    )
    with engine.connect() as connection:
        named = connection.execute(names.limit(1)).one_or_none()
    if named is None:
        return None
    return RunStory(
        id=run_id,
        playbook=named.playbook,
        target=named.target,
        known=account.of_run(engine, run_id),
        asked=read_requests(engine, run_id),
        changes=tuple(changes.of_run(engine, run_id)),
    )


def _in_order(runs: list[RunStory | None]) -> tuple[RunStory, ...]:
    known = [run for run in runs if run is not None]
    # Whatever has not ended comes last.
    now = datetime.now(UTC)
    return tuple(sorted(known, key=lambda run: run.known.ended_at or now))
