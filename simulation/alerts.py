"""Alerts on their way into the ledger, through the same intake as those of real senders."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa

from cct_ops.ledger import intake
from cct_ops.ledger.schema import dispatches
from cct_ops.models.alert import Alert, AlertStatus
from simulation.scenario import Firing

SOURCE = "alertmanager"


def fire(engine: sa.Engine, firing: Firing) -> UUID | None:
    """Let the alert come in; returns the incident if it opened one, hence starts a run."""
    receipt = intake.record(engine, SOURCE, uuid4().bytes, [_alert(firing, None)])
    incident = receipt.incidents[0]
    # What the dispatcher does, without Prefect: the row of an incident is taken once.
    taken = (
        sa.update(dispatches)
        .where(dispatches.c.incident_id == incident, dispatches.c.state == "pending")
        .values(state="sent", playbook=firing.kind.value)
    )
    with engine.begin() as tx:
        return incident if tx.execute(taken).rowcount else None


def resolve(engine: sa.Engine, firing: Firing, now: datetime) -> None:
    """Let the alert be over."""
    intake.record(engine, SOURCE, uuid4().bytes, [_alert(firing, now)])


def _alert(firing: Firing, ends_at: datetime | None) -> Alert:
    return Alert(
        status=AlertStatus.FIRING if ends_at is None else AlertStatus.RESOLVED,
        labels={"alertname": firing.alertname, "route": firing.target},
        annotations={},
        starts_at=firing.at,
        ends_at=ends_at,
    )
