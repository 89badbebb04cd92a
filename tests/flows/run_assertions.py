"""How the tests of playbooks run one in this process, and look at a run that is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact, State

from cct_ops.ledger.record import account
from cct_ops.ledger.record.account import RunRecord


def final(playbook: Callable[..., Any], /, *arguments: object, **parameters: object) -> State[Any]:
    """Run a flow to its final state, whatever that is."""
    state: State[Any] = playbook(*arguments, **parameters, return_state=True)
    return state


def run_id_of(state: State[Any]) -> UUID:
    """The run that ended so."""
    run_id = state.state_details.flow_run_id
    assert run_id is not None
    return run_id


def known(engine: sa.Engine, state: State[Any]) -> RunRecord:
    """What the ledger has of the run that ended so."""
    return account.of_run(engine, run_id_of(state))


def artifacts_of(state: State[Any], kind: str) -> list[Artifact]:
    """The run's artifacts of one kind."""
    return artifacts_of_run(run_id_of(state), kind)


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
    reports = [text for text in texts if "## Verification" in text]
    assert len(reports) == 1, "\n\n".join(reports)
    (report,) = reports
    return report.replace("\\", "")  # what keeps text literal in Markdown
