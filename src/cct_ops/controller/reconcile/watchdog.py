"""
The alert that always fires, and what its silence means.

An outage of ours that outlasts an alert hides it, and a sender that died sends nothing at all. Both
show in the watchdog alone, so that its silence is an incident like any other.
"""

from __future__ import annotations

import json
from datetime import datetime

import sqlalchemy as sa

from cct_ops.config.sources import OWN_SOURCE, Watchdog
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.deliveries import ADMITTED_BY, Incoming
from cct_ops.ledger.intake.tables import incidents
from cct_ops.models.alert import Alert, AlertStatus

ALERTNAME = "SenderSilent"


def check(engine: sa.Engine, name: str, settings: Watchdog, started_at: datetime) -> bool:
    """
    Open the incident of a silent sender, or close it; returns True if the sender is silent.

    One that was never heard counts as heard when we were started.
    """
    with engine.connect() as connection:
        heard, now = connection.execute(
            sa.select(
                sa.select(sa.func.max(incidents.c.last_seen_at))
                .where(
                    incidents.c.source == name,
                    incidents.c.labels["alertname"].astext == settings.alertname,
                )
                .scalar_subquery(),
                sa.func.clock_timestamp(),
            )
        ).one()
        last = heard or started_at
        silent = bool((now - last).total_seconds() > settings.within_seconds)
        known = connection.scalar(
            sa.select(sa.func.count()).where(
                incidents.c.source == OWN_SOURCE,
                incidents.c.state == "open",
                incidents.c.labels["sender"].astext == name,
            )
        )
    if silent is bool(known):
        return silent
    alert = Alert(
        status=AlertStatus.FIRING if silent else AlertStatus.RESOLVED,
        labels={"alertname": ALERTNAME, "sender": name},
        annotations={
            "summary": f"{settings.alertname} of {name} was last heard at {last.isoformat()}."
        },
        starts_at=now if silent else last,
        ends_at=None if silent else now,
    )
    body = json.dumps([alert.model_dump(mode="json")]).encode()
    deliveries.record_all(engine, [Incoming(OWN_SOURCE, body, [alert], admitted_by=ADMITTED_BY)])
    return silent
