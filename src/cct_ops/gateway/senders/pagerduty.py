"""
PagerDuty's V3 webhooks.

An incident of PagerDuty is one of ours, and each time that it is reopened another episode. Its
events come in order, so every event that shows it open or over is believed, not only the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from cct_ops.gateway.senders import authentication, extra_labels, strict_json
from cct_ops.gateway.senders.keys import Key
from cct_ops.gateway.senders.parsed_delivery import (
    ParsedDelivery,
    Received,
    UnknownShape,
    first_problem,
    printable,
)
from cct_ops.models.alert import Alert, AlertStatus

_STATES = {
    "triggered": AlertStatus.FIRING,
    "acknowledged": AlertStatus.FIRING,
    "resolved": AlertStatus.RESOLVED,
}

# What these are about is not the incident itself: its state is in other events.
_BESIDES = (
    "incident.annotated",
    "incident.conference_bridge.",
    "incident.custom_field_values.",
    "incident.responder.",
    "incident.status_update_published",
    "incident.workflow.",
)
_INCIDENTS = "incident."


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)


class _Named(_Wire):
    id: object = None
    summary: str | None = None


class Incident(_Wire):
    """An incident as PagerDuty shows it, in events and in lists; what else it says is kept."""

    model_config = ConfigDict(extra="allow")

    id: str
    status: str
    title: str | None = None
    html_url: str | None = None
    urgency: str | None = None
    service: _Named | None = None
    priority: _Named | None = None


class _Event(_Wire):
    id: str
    event_type: str
    occurred_at: AwareDatetime


class _AnyEvent(_Event):
    data: Any = None

    @property
    def shows_an_incident(self) -> bool:
        """True if the event is about an incident itself, not about a note on it or a service."""
        if not self.event_type.startswith(_INCIDENTS) or self.event_type.startswith(_BESIDES):
            return False
        kind = self.data.get("type") if isinstance(self.data, Mapping) else None
        return kind in (None, "incident")


class _Envelope(_Wire):
    event: _AnyEvent


class _IncidentEvent(_Event):
    data: Incident


class _IncidentEnvelope(_Wire):
    event: _IncidentEvent


def verify(received: Received, keys: Sequence[Key]) -> Key | None:
    """Return the key of one of the signatures: while it is being replaced there are two."""
    header = received.header("x-pagerduty-signature")
    if header is None:
        return None
    versions = [each.strip().partition("=") for each in header.split(",")]
    given = [value for name, _, value in versions if name == "v1"]
    return authentication.made_with(keys, given, received.body, received.at)


def read(body: bytes) -> ParsedDelivery:
    """Return the state of the incident that the event is about."""
    document = strict_json.parse(body)
    try:
        event = _Envelope.model_validate(document).event
        if not event.shows_an_incident:
            name = printable(event.event_type[:80])
            return ParsedDelivery((), f"{name} says nothing about an incident.", event.id)
        found = _IncidentEnvelope.model_validate(document).event
        return ParsedDelivery((_alert(found),), sender_id=found.id)
    except ValidationError as error:
        raise UnknownShape(first_problem(error)) from None


def _alert(event: _IncidentEvent) -> Alert:
    reopened = event.event_type == "incident.reopened"
    alert = incident_alert(event.data, event.occurred_at, reopens=reopened)
    if alert is None:
        raise UnknownShape("event.data.status: not a status that PagerDuty documents")
    return alert


def incident_alert(incident: Incident, at: datetime, *, reopens: bool = False) -> Alert | None:
    """Return the incident's state at that moment; None for one that PagerDuty does not document."""
    status = _STATES.get(incident.status)
    if status is None:
        return None
    said = {**(incident.model_extra or {})}
    if incident.service is not None:
        said["service"] = {"id": incident.service.id}
    labels = {
        **extra_labels.of_pagerduty(said),
        "alertname": "PagerDutyIncident",
        "title": incident.title,
        "service": incident.service.summary if incident.service else None,
        "urgency": incident.urgency,
        "priority": incident.priority.summary if incident.priority else None,
    }
    return Alert(
        status=status,
        labels={name: value for name, value in labels.items() if value},
        annotations={"url": incident.html_url} if incident.html_url else {},
        starts_at=at,
        ends_at=at if status is AlertStatus.RESOLVED else None,
        identity={"incident": incident.id},
        reopens=reopens,
    )
