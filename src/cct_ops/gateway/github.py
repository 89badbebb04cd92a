"""
GitHub's webhooks: workflow runs, check runs and deployments that failed.

A repository's hook and its organisation's send one event under two delivery ids, so incidents are
named after the object. GitHub sends once and never again by itself: see the reconciliation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from cct_ops.gateway import proofs, strict_json
from cct_ops.gateway.keys import Key
from cct_ops.gateway.reading import Reading, Received, UnknownShape, first_problem
from cct_ops.models.alert import Alert, AlertStatus

_MEANINGS = {
    "failure": AlertStatus.FIRING,
    "timed_out": AlertStatus.FIRING,
    "startup_failure": AlertStatus.FIRING,
    "error": AlertStatus.FIRING,
    "success": AlertStatus.RESOLVED,
    "neutral": AlertStatus.RESOLVED,
    "skipped": AlertStatus.RESOLVED,
    "inactive": AlertStatus.RESOLVED,
}
_ATTEMPTS = 20  # of a workflow run, that a later one can end


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Repository(_Wire):
    id: int
    full_name: str


class _Event(_Wire):
    action: str
    repository: _Repository


class _CheckRun(_Wire):
    id: int
    name: str
    conclusion: str | None = None
    completed_at: AwareDatetime | None = None
    html_url: str | None = None


class _CheckRunEvent(_Event):
    check_run: _CheckRun


class _WorkflowRun(_Wire):
    id: int
    name: str | None = None
    run_attempt: int = Field(1, ge=1)
    head_branch: str | None = None
    conclusion: str | None = None
    updated_at: AwareDatetime
    html_url: str | None = None


class _WorkflowRunEvent(_Event):
    workflow_run: _WorkflowRun


class _Deployment(_Wire):
    id: int
    environment: str = ""
    ref: str = ""


class _DeploymentStatus(_Wire):
    state: str
    created_at: AwareDatetime
    target_url: str | None = None


class _DeploymentStatusEvent(_Event):
    deployment: _Deployment
    deployment_status: _DeploymentStatus


def verify(received: Received, keys: Sequence[Key]) -> Key | None:
    """Return the key of the SHA-256 signature; the old one with SHA-1 counts for nothing."""
    header = received.header("x-hub-signature-256") or ""
    if not header.startswith("sha256="):
        return None
    return proofs.signature(received, keys, [header.removeprefix("sha256=")])


def read(received: Received) -> Reading:
    """Return what the event says about the run or deployment."""
    delivery = received.header("x-github-delivery") or ""
    event = received.header("x-github-event")
    strict_json.parse(received.body)
    if event == "ping":
        return Reading((), "A ping: the hook was set up.", delivery)
    reader = _READERS.get(event or "")
    if reader is None:
        raise UnknownShape("x-github-event: not an event that is understood here")
    try:
        return Reading(reader(received.body), sender_id=delivery)
    except ValidationError as error:
        raise UnknownShape(first_problem(error)) from None


def _check_run(body: bytes) -> tuple[Alert, ...]:
    event = _CheckRunEvent.model_validate_json(body)
    run = event.check_run
    if event.action != "completed" or run.completed_at is None:
        return ()
    labels = {"alertname": "CheckRunFailed", "check": run.name}
    identity = {"check_run": str(run.id)}
    return _alerts(event, labels, identity, run.conclusion, run.completed_at, run.html_url)


def _workflow_run(body: bytes) -> tuple[Alert, ...]:
    """Each attempt is an incident of its own, and the next attempt ends it."""
    event = _WorkflowRunEvent.model_validate_json(body)
    run = event.workflow_run
    if event.action != "completed":
        return ()
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


def _deployment_status(body: bytes) -> tuple[Alert, ...]:
    event = _DeploymentStatusEvent.model_validate_json(body)
    labels = {
        "alertname": "DeploymentFailed",
        "environment": event.deployment.environment,
        "ref": event.deployment.ref,
    }
    identity = {"deployment": str(event.deployment.id)}
    status = event.deployment_status
    return _alerts(event, labels, identity, status.state, status.created_at, status.target_url)


def _alerts(
    event: _Event,
    labels: dict[str, str],
    identity: dict[str, str],
    conclusion: str | None,
    at: AwareDatetime,
    url: str | None,
) -> tuple[Alert, ...]:
    """Return the alert, or none for a conclusion that is neither good nor bad."""
    status = _MEANINGS.get(conclusion or "")
    if status is None:
        return ()
    named = {"repository": event.repository.full_name, **labels}
    return (
        Alert(
            status=status,
            labels={name: value for name, value in named.items() if value},
            annotations={"url": url} if url else {},
            starts_at=at,
            ends_at=at if status is AlertStatus.RESOLVED else None,
            identity={"repository": str(event.repository.id), **identity},
        ),
    )


_READERS: dict[str, Callable[[bytes], tuple[Alert, ...]]] = {
    "check_run": _check_run,
    "workflow_run": _workflow_run,
    "deployment_status": _deployment_status,
}
