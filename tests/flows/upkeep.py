"""What the tests of temporary changes and of recovery share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.settings import PREFECT_API_URL
from prefect.states import Pending

from cct_ops.diagnoses.rollback import RollbackDiagnosis
from cct_ops.diagnoses.rollback_plan import Limits, Option, RollbackOptions
from cct_ops.ledger.gate import changes
from cct_ops.ledger.gate.tables import temporary_changes
from cct_ops.models.cct import Route
from cct_ops.models.change import TemporaryChange
from cct_ops.models.run import Mode
from flows.revert_change import revert_change
from tasks.actions import perform_all
from tasks.authorise import authorise
from tasks.diagnose import diagnose_rollback
from tests.controller.running import Playbook

ROUTE = Route.PRE_MARKET_BRIEFING
OFF = RollbackOptions(option=Option.DISABLE_AUTO_ROLLBACK)
LOOSER = RollbackOptions(option=Option.RAISE_THRESHOLDS, limits=Limits(p95_latency_ms=9000))
ANYTHING: dict[str, object] = {"type": "object", "properties": {}}


def know_where_results_are(patch: pytest.MonkeyPatch) -> None:
    """Let a run ask for it as little as in a worker's process, which had it from the worker."""
    patch.setattr("prefect.results._read_server_default_result_storage_block_id", lambda: None)


def alone(options: RollbackOptions) -> RollbackDiagnosis:
    """Look as the playbook does, and leave out that a person must decide."""
    found = diagnose_rollback(ROUTE, options)
    plan = found.plan
    return found.model_copy(
        update={"plan": plan and plan.model_copy(update={"needs_person": None})}
    )


@flow
def weakening(options: RollbackOptions, *, fails: bool = False) -> None:
    """Make a temporary change the way every playbook does."""
    look = partial(alone, options)
    with authorise(look(), Mode.AUTO, again=look) as decision:
        assert decision.permit is not None, decision.reason
        perform_all(decision.permit)
        assert not fails, "as the test wants it"


def weakened(engine: sa.Engine, options: RollbackOptions = OFF) -> TemporaryChange:
    """Make a temporary change and return its row."""
    weakening(options)
    (change,) = changes.listed(engine)
    return change


def over(engine: sa.Engine, change: TemporaryChange, *, minutes_ago: float = 1) -> None:
    """Let the time of a change be over."""
    with engine.begin() as tx:
        tx.execute(
            sa.update(temporary_changes)
            .where(temporary_changes.c.id == change.id)
            .values(until=sa.text(f"clock_timestamp() - interval '{minutes_ago} minutes'"))
        )


def run_of(run_id: UUID | None) -> FlowRun:
    """Read a run in Prefect."""
    assert run_id is not None
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run_id)


def deployed(playbook: str) -> Playbook:
    """Return the playbook's deployment on the server that this process works with."""
    api_url = PREFECT_API_URL.value()
    assert api_url is not None
    return Playbook(api_url, playbook)


def pending(
    playbook: str,
    parameters: Mapping[str, object],
    *,
    tag: str = "playbook",
    tags: Sequence[str] = (),
) -> UUID:
    """Make a run as a worker has claimed it."""
    deployment = deployed(playbook).deploy(ANYTHING, tags=[tag])
    with get_client(sync_client=True) as client:
        return client.create_flow_run_from_deployment(
            deployment, parameters=dict(parameters), state=Pending(), tags=list(tags)
        ).id


def woken(engine: sa.Engine, change_id: UUID) -> None:
    """Be the worker that picks up the last scheduled revert of a change."""
    scheduled_revert = run_of(changes.read(engine, change_id).scheduled_revert_id)
    assert scheduled_revert.parameters == {"change_id": str(change_id)}
    state: State[Any] = revert_change(change_id, return_state=True)
    assert state.is_completed(), state.message


def ended(state: State[Any]) -> tuple[str | None, str]:
    """The name and the type of a final state."""
    return state.name, state.type.value
