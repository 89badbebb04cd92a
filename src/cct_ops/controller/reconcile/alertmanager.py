"""
Alerts that an Alertmanager has and that opened no incident here.

It forgets what resolved while nobody listened; what is still active is found. What it shows no
longer is not closed here: it also forgets when it is started anew.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import re2
import sqlalchemy as sa

from cct_ops.config.sources import AlertmanagerReconciliation
from cct_ops.controller.reconcile.asking import Json, api, take_in
from cct_ops.errors import ContractBroken
from cct_ops.gateway.senders.alertmanager import read_alert
from cct_ops.gateway.senders.parsed_delivery import UnknownShape, one_by_one
from cct_ops.ledger.intake.alert_effects import open_keys
from cct_ops.models.alert import Alert, AlertStatus

log = logging.getLogger(__name__)


def reconcile(engine: sa.Engine, name: str, settings: AlertmanagerReconciliation) -> int:
    """Open what is active there and not open here; returns how many incidents that made."""
    shown = {"active": "true", "silenced": "false", "inhibited": "false", "unprocessed": "false"}
    if settings.receiver is not None:
        shown["receiver"] = f"^{re2.escape(settings.receiver)}$"
    with api(name, settings, "Bearer ") as asked:
        found = asked.get("api/v2/alerts", **shown)
    if not isinstance(found, list):
        raise ContractBroken(f"{name}: api/v2/alerts is no list.")
    try:
        alerts, odd = one_by_one(found, _active)
    except UnknownShape as error:
        raise ContractBroken(f"{name}: api/v2/alerts has another shape: {error}.") from None
    if odd is not None:
        log.warning("%s: api/v2/alerts: %s", name, odd)
    known = open_keys(engine, name)
    # What began after our last sight of the open one may be another episode.
    missed = [
        each
        for each in alerts
        if each.key not in known or (each.episodic and each.starts_at > known[each.key])
    ]
    return take_in(engine, name, missed, "Found by asking Alertmanager.")


def _active(index: int, found: Json) -> Alert:
    """Read one of the active alerts like one that is sent; its status says more than that."""
    if not isinstance(found, Mapping):
        raise UnknownShape(f"alerts.{index} is no alert")
    return read_alert(index, {**found, "status": AlertStatus.FIRING})
