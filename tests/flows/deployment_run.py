"""A run of a playbook's deployment, worked on in this process and approved as people do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.states import Pending

from cct_ops.config import yaml_files
from cct_ops.config.approvers import Approver, Approvers
from cct_ops.controller.approvals import sweep
from cct_ops.ledger.gate import approval_answers, approvals
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.ledger.record import account
from cct_ops.ledger.record.account import RunRecord
from tasks.connections import settings
from tests.flows.upkeep import ANYTHING, deployed


def flow_of(playbook: str) -> Flow[..., Any]:
    """Return the flow of this deployment name."""
    name = playbook.replace("-", "_")
    found: Flow[..., Any] = getattr(import_module(f"flows.{name}"), name)
    return found


@dataclass(frozen=True)
class DeploymentRun:
    """One run, executed here as a fresh worker would, at first and after each resume."""

    client: SyncPrefectClient
    engine: sa.Engine
    playbook: str
    run_id: UUID

    def work(self) -> str | None:
        """Execute the run until it ends or waits; returns the name of its state."""
        self.client.set_flow_run_state(self.run_id, Pending())
        with suppress(Pause):
            run_flow(flow_of(self.playbook), flow_run=self.run(), return_type="state")
        return self.run().state_name

    def run(self) -> FlowRun:
        """Read the run."""
        return self.client.read_flow_run(self.run_id)

    @property
    def record(self) -> RunRecord:
        """What the ledger has of it."""
        return account.of_run(self.engine, self.run_id)

    def approval(self) -> Approval:
        """Return the run's newest request."""
        found = [each for each, _ in approvals.unsettled(self.engine) if each.run_id == self.run_id]
        return found[-1]

    def say(self, approver_id: str, *, yes: bool = True) -> None:
        """Answer as somebody on the list, as the gateway does."""
        person = approver(approver_id)
        given = Answer.of(person, "link", approved=yes, digest=self.approval().plan_digest)
        receipt = approval_answers.answer(self.engine, self.approval().id, given, person=person)
        assert receipt.refusal is None

    def approve(self) -> int:
        """Let as many persons say yes as it takes; returns how many runs were resumed."""
        for person in approvers().approvers[: self.approval().persons]:
            self.say(person.id)
        return sweep(self.engine)


@contextmanager
def deployment_run(
    engine: sa.Engine, playbook: str, tags: Sequence[str] = (), /, **parameters: object
) -> Iterator[DeploymentRun]:
    """Make a run as the controller does."""
    deployment_id = deployed(playbook).deploy(ANYTHING, tags=["playbook"])
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(
            deployment_id, parameters=parameters, tags=list(tags)
        )
        yield DeploymentRun(client, engine, playbook, run.id)


def approvers() -> Approvers:
    """Read the list that is deployed."""
    return yaml_files.load(settings().approvers_path, Approvers)


def approver(approver_id: str) -> Approver:
    """Return somebody on it."""
    found = approvers().by_id(approver_id)
    assert found is not None
    return found
