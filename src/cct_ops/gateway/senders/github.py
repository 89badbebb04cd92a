"""
GitHub's webhooks: workflow runs, check runs and deployments that failed.

A repository's hook and its organisation's send one event under two delivery ids, so incidents are
named after the object. GitHub sends once and never again by itself: see the reconciliation.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cct_ops.config.sources import Signature
from cct_ops.gateway.senders import extra_labels, strict_json
from cct_ops.gateway.senders.parsed_delivery import (
    ParsedDelivery,
    Received,
    SaidMoment,
    UnknownShape,
    first_problem,
)
from cct_ops.gateway.senders.strict_json import Json
from cct_ops.models.alert import Alert, AlertStatus

FORM = "application/x-www-form-urlencoded"
# The old signature with SHA-1 counts for nothing.
SIGNATURE = Signature(header="x-hub-signature-256", prefix="sha256=", timestamp_header=None)

_MEANINGS: dict[str | None, AlertStatus | None] = {
    "failure": AlertStatus.FIRING,
    "timed_out": AlertStatus.FIRING,
    "startup_failure": AlertStatus.FIRING,
    "error": AlertStatus.FIRING,
    "success": AlertStatus.RESOLVED,
    "neutral": AlertStatus.RESOLVED,
    "skipped": AlertStatus.RESOLVED,
    "inactive": AlertStatus.RESOLVED,
    # neither good nor bad, or not over yet
    "action_required": None,
    "cancelled": None,
    "stale": None,
    "waiting": None,
    "pending": None,
    "queued": None,
    "in_progress": None,
}
_NAME = re.compile(r"[a-z0-9_]{1,64}")
_MOST_FIELDS = 10
_ATTEMPTS = 20  # of a workflow run, that a later one can end


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)


class _Repository(_Wire):
    id: int
    full_name: str


class _Acted(_Wire):
    action: str


class _Event(_Acted):
    repository: _Repository


class _CheckRun(_Wire):
    id: int
    name: str | None = None
    conclusion: str | None = None
    completed_at: SaidMoment = None
    html_url: str | None = None


class _CheckRunEvent(_Event):
    check_run: _CheckRun


class _WorkflowRun(_Wire):
    id: int
    name: str | None = None
    run_attempt: int = Field(1, ge=1)
    head_branch: str | None = None
    conclusion: str | None = None
    updated_at: SaidMoment = None
    html_url: str | None = None


class _WorkflowRunEvent(_Event):
    workflow_run: _WorkflowRun


class _Deployment(_Wire):
    id: int
    environment: str | None = None
    ref: str | None = None


class _DeploymentStatus(_Wire):
    state: str
    created_at: SaidMoment = None
    target_url: str | None = None


class _DeploymentStatusEvent(_Event):
    deployment: _Deployment
    deployment_status: _DeploymentStatus


def read(received: Received) -> ParsedDelivery:
    """Return what the event says about the run or deployment."""
    delivery = received.header("x-github-delivery") or ""
    event = received.header("x-github-event") or ""
    if _NAME.fullmatch(event) is None:
        raise UnknownShape("x-github-event: is missing, or no name of an event")
    document = strict_json.parse(_document(received))
    if not isinstance(document, Mapping):
        raise UnknownShape("the body is not one JSON object, as an event of GitHub is")
    reader = _READERS.get(event)
    if reader is None:
        return ParsedDelivery(
            (), f"{event}: an event that says of no run that it failed.", delivery
        )
    try:
        extra = extra_labels.of_github(event, document)
        alerts = tuple(each.labelled(extra) for each in reader(document))
    except ValidationError as error:
        raise UnknownShape(first_problem(error)) from None
    note = None if alerts else f"{event}: nothing failed or recovered by it."
    return ParsedDelivery(alerts, note, delivery)


def _document(received: Received) -> bytes:
    """
    Return the JSON, which a hook sends in a form unless its content type was chosen.

    A body that begins like an object is one, whatever its content type.
    """
    body = received.body.removeprefix(codecs.BOM_UTF8)
    in_form = body.startswith(b"payload=") or received.media_type == FORM
    if not in_form or body.lstrip().startswith(b"{"):
        return body
    try:
        form = parse_qs(body.decode(), errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise UnknownShape("the body is no form that can be read") from None
    payload = form.get("payload", [])
    if len(payload) != 1:
        raise UnknownShape("the form does not have exactly one field `payload`")
    return payload[0].encode()


def _check_run(document: Json) -> tuple[Alert, ...]:
    if not _completed(document):
        return ()
    event = _CheckRunEvent.model_validate(document)
    run = event.check_run
    labels = {"alertname": "CheckRunFailed", "check": run.name or ""}
    identity = {"check_run": str(run.id)}
    return _alerts(event, labels, identity, run.conclusion, run.completed_at, run.html_url)


def _workflow_run(document: Json) -> tuple[Alert, ...]:
    """Each attempt is an incident of its own, and the next attempt ends it."""
    if not _completed(document):
        return ()
    event = _WorkflowRunEvent.model_validate(document)
    run = event.workflow_run
    labels = {
        "alertname": "WorkflowRunFailed",
        "workflow": run.name or "",
        "branch": run.head_branch or "",
    }
    alerts: tuple[Alert, ...] = ()
    for attempt in range(max(1, run.run_attempt - _ATTEMPTS), run.run_attempt + 1):
        identity = {"workflow_run": str(run.id), "attempt": str(attempt)}
        conclusion = run.conclusion if attempt == run.run_attempt else "skipped"
        alerts += _alerts(event, labels, identity, conclusion, run.updated_at, run.html_url)
    return alerts


def _deployment_status(document: Json) -> tuple[Alert, ...]:
    event = _DeploymentStatusEvent.model_validate(document)
    labels = {
        "alertname": "DeploymentFailed",
        "environment": event.deployment.environment or "",
        "ref": event.deployment.ref or "",
    }
    identity = {"deployment": str(event.deployment.id)}
    status = event.deployment_status
    return _alerts(event, labels, identity, status.state, status.created_at, status.target_url)


def _completed(document: Json) -> bool:
    """Return whether the run has ended; one that begins or is asked for has failed nothing yet."""
    return _Acted.model_validate(document).action == "completed"


def _alerts(
    event: _Event,
    labels: dict[str, str],
    identity: dict[str, str],
    conclusion: str | None,
    at: datetime | None,
    url: str | None,
) -> tuple[Alert, ...]:
    """Return the alert, or none for a conclusion that is neither good nor bad."""
    if conclusion not in _MEANINGS:
        raise UnknownShape("the conclusion or state is not one that GitHub documents")
    status = _MEANINGS[conclusion]
    if status is None:
        return ()
    named = {"repository": event.repository.full_name, **labels}
    return (
        Alert(
            status=status,
            labels={name: value for name, value in named.items() if value},
            annotations={"url": url} if url else {},
            starts_at=at or datetime.now(UTC),
            ends_at=at if status is AlertStatus.RESOLVED else None,
            undated=at is None,
            identity={"repository": str(event.repository.id), **identity},
        ),
    )


_READERS: dict[str, Callable[[Json], tuple[Alert, ...]]] = {
    "check_run": _check_run,
    "workflow_run": _workflow_run,
    "deployment_status": _deployment_status,
}
