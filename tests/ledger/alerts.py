"""Alerts as senders report them, and the incidents that they open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa

from cct_ops.ledger.intake import deliveries
from cct_ops.models.alert import Alert, AlertStatus

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PULLED = {"summary": "pulled"}


def firing(
    starts_at: datetime = BEGAN, /, *, annotations: Mapping[str, str] = {}, **labels: str
) -> Alert:
    """Return an alert with these labels that began then."""
    return Alert(
        status=AlertStatus.FIRING, labels=labels, annotations=dict(annotations), starts_at=starts_at
    )


def resolved(alert: Alert, ends_at: datetime | None = BEGAN + timedelta(days=1)) -> Alert:
    """Return its end."""
    return alert.model_copy(update={"status": AlertStatus.RESOLVED, "ends_at": ends_at})


def opened(engine: sa.Engine, **labels: str) -> UUID:
    """Let an alert come in; every one is another incident."""
    everything = {"alertname": "CanaryRolledBack", "route": "/daily-summary", "i": uuid4().hex}
    alert = firing(datetime.now(UTC), annotations=PULLED, **(everything | labels))
    return deliveries.record(engine, "alertmanager", uuid4().bytes, [alert]).incidents[0]
