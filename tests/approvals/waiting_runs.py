"""Runs of a real Prefect that wait for approval, and answers to what they ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State
from prefect.states import Pending, Running, Suspended

from cct_ops.ledger.gate import approval_answers
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import Approval
from tests.approvals.parts import ANNA


@dataclass(frozen=True)
class Prefect:
    """Runs of one deployment that nothing works on."""

    client: SyncPrefectClient
    deployment_id: UUID

    def suspended(self, form: str | None = None, **parameters: Any) -> UUID:
        """Create a run and suspend it, as a flow does that waits for approval."""
        given = {"target": "/pre-market-briefing"} | parameters
        run = self.client.create_flow_run_from_deployment(self.deployment_id, parameters=given)
        last: State[Any] = Suspended(timeout_seconds=3600)
        if form is not None:
            last.state_details.run_input_keyset = {"schema": form}
        states: list[State[Any]] = [Pending(), Running(), last]
        for each in states:
            self.set(run.id, each)
        return run.id

    def set(self, run_id: UUID, next_state: State[Any]) -> None:
        """Move a run."""
        self.client.set_flow_run_state(run_id, next_state)

    def state(self, run_id: UUID) -> str | None:
        """Say where a run stands."""
        return self.client.read_flow_run(run_id).state_name


def say(engine: sa.Engine, approval: Approval, *, yes: bool) -> None:
    """Answer."""
    given = Answer.of(ANNA, "link", approved=yes, digest=approval.plan_digest)
    approval_answers.answer(engine, approval.id, given, person=ANNA)
