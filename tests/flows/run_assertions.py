"""How the tests of playbooks look at a run that is over."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact, State


def artifacts_of(state: State[Any], kind: str) -> list[Artifact]:
    """The run's artifacts of one kind."""
    run_id = state.state_details.flow_run_id
    assert run_id is not None
    return artifacts_of_run(run_id, kind)


def artifacts_of_run(run_id: UUID, kind: str) -> list[Artifact]:
    """The artifacts of one kind, of the run with this id."""
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        )
    return [artifact for artifact in found if artifact.type == kind]


def report_of(state: State[Any]) -> str:
    """The Markdown report of the run."""
    (report,) = artifacts_of(state, "markdown")
    return str(report.data)


def report_of_run(run_id: UUID) -> str:
    """The report among the run's Markdown artifacts: how it ended is its first word."""
    texts = [str(each.data) for each in artifacts_of_run(run_id, "markdown")]
    # the same one may stand there twice: a request whose answer is lost is made again
    reports = {text for text in texts if "## Verification" in text}
    assert len(reports) == 1, "\n\n".join(reports)
    (report,) = reports
    return report.replace("\\", "")  # what keeps text literal in Markdown
