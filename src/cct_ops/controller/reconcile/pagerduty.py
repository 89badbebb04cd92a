"""Incidents that PagerDuty shows open and we do not, and the other way round."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from cct_ops.config.sources import Reconciliation
from cct_ops.controller.reconcile.asking import Api, api, take_in
from cct_ops.errors import ContractBroken
from cct_ops.gateway.senders.pagerduty import Incident, incident_alert
from cct_ops.gateway.senders.parsed_delivery import UnknownShape, first_problem, one_by_one
from cct_ops.ledger.intake.alert_effects import open_keys
from cct_ops.models.alert import Alert, AlertStatus

PAGES = 10
WINDOW = timedelta(days=7)

log = logging.getLogger(__name__)


class _Listed(Incident):
    last_status_change_at: AwareDatetime


class _Page(BaseModel):
    model_config = ConfigDict(frozen=True)

    incidents: tuple[Any, ...]
    more: bool = False


def reconcile(engine: sa.Engine, name: str, settings: Reconciliation) -> int:
    """Bring the open incidents into line; returns how many were touched."""
    since = (datetime.now(UTC) - WINDOW).isoformat(timespec="seconds")
    with api(name, settings, "Token token=", accept="application/json") as asked:
        listed = list(_listed(asked, name, since))
    known = open_keys(engine, name)
    differing = [
        alert
        for alert in listed
        if (alert.key in known) is not (alert.status is AlertStatus.FIRING)
    ]
    return take_in(engine, name, differing, "Found by asking PagerDuty.")


def _listed(asked: Api, name: str, since: str) -> Iterator[Alert]:
    statuses = ["triggered", "acknowledged", "resolved"]
    for number in range(PAGES):
        found = asked.get(
            "incidents",
            since=since,
            limit="100",
            offset=str(100 * number),
            **{"statuses[]": statuses},
        )
        try:
            page = _Page.model_validate(found)
            alerts, odd = one_by_one(page.incidents, _alert)
        except (ValidationError, UnknownShape) as error:
            said = first_problem(error) if isinstance(error, ValidationError) else error
            raise ContractBroken(f"{name}: incidents have another shape: {said}.") from None
        if odd is not None:
            log.warning("%s: incidents: %s", name, odd)
        yield from alerts
        if not page.more:
            return


def _alert(index: int, found: object) -> Alert | None:
    try:
        listed = _Listed.model_validate(found)
    except ValidationError as error:
        raise UnknownShape(first_problem(error, "incidents", index)) from None
    return incident_alert(listed, listed.last_status_change_at)
