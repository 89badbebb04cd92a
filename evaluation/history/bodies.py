"""Bodies as senders write them, all made up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

Content = Mapping[str, object]
ADDRESSES = ("http://alertmanager-0:9093", "http://alertmanager-1:9093")


def moment(at: datetime) -> str:
    """Write a moment as senders do."""
    return at.isoformat().replace("+00:00", "Z")


def alert(
    name: str, began: datetime, ended: datetime | None = None, **labels: str
) -> dict[str, object]:
    """Return one alert of Alertmanager, that fires or is over."""
    return {
        "status": "firing" if ended is None else "resolved",
        "labels": {"alertname": name, **labels},
        "annotations": {"summary": f"{name} on the made-up system"},
        "startsAt": moment(began),
        "endsAt": "0001-01-01T00:00:00Z" if ended is None else moment(ended),
    }


def alertmanager(*alerts: Content, replica: int = 0) -> Content:
    """Return a notification of one of a pair of Alertmanagers."""
    return {
        "version": "4",
        "status": alerts[0]["status"] if alerts else "firing",
        "externalURL": ADDRESSES[replica],
        "alerts": list(alerts),
    }


def pagerduty(number: int, state: str, at: datetime, title: str) -> Content:
    """Return an event about an incident of PagerDuty."""
    data = {"type": "incident", "id": f"P{number}", "status": state, "title": title}
    return {
        "event": {
            "id": f"E{number}-{state}",
            "event_type": f"incident.{state}",
            "occurred_at": moment(at),
            "data": data,
        }
    }


def github(number: int, workflow: str, conclusion: str, at: datetime) -> Content:
    """Return the end of a workflow's run."""
    return {
        "action": "completed",
        "repository": {"id": 7, "full_name": "example/pages"},
        "workflow_run": {
            "id": number,
            "name": workflow,
            "path": f".github/workflows/{workflow}",
            "head_branch": "main",
            "conclusion": conclusion,
            "updated_at": moment(at),
        },
    }


def event(number: int, kind: str, at: datetime, **data: str) -> Content:
    """Return one CloudEvent."""
    return {
        "specversion": "1.0",
        "id": f"e-{number}-{kind}",
        "source": "/example/monitor",
        "subject": f"check-{number}",
        "type": f"com.example.alert.{kind}",
        "time": moment(at),
        "data": data,
    }


def monitored(
    number: int, state: str, name: str, at: datetime | None = None, **more: str
) -> Content:
    """Return a message of a monitor whose JSON is read by declared paths."""
    dated = {} if at is None else {"at": moment(at)}
    return {"state": state, "id": f"m-{number}", "name": name, **dated, **more}


def encoded(content: object) -> str:
    """Return a body; text is sent as it is."""
    return content if isinstance(content, str) else json.dumps(content)
