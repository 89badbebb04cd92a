"""The traces of deliveries: where taking one in stands in a trace, where there are traces."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.intake.tables import alerts, deliveries
from cct_ops.ledger.statements import Ledger, scalar


def of_incident(ledger: Ledger, incident_id: UUID) -> str | None:
    """Return the ``traceparent`` of the first traced delivery about an incident, if any."""
    traced = (
        sa.select(deliveries.c.traceparent)
        .join(alerts, alerts.c.delivery_id == deliveries.c.id)
        .where(alerts.c.incident_id == incident_id, deliveries.c.traceparent.is_not(None))
    )
    return scalar(ledger, traced.order_by(alerts.c.id).limit(1))
