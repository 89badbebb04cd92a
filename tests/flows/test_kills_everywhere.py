"""
Every playbook that acts ends exactly once, wherever its process is killed.

The runs are of deployments and have the approval that they need, as in operation. What counts is
the truth in the sandbox: as before the run, or changed once, or left to a person who is told so.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Pending

from cct_ops.ledger import approval_answers, changes, locks, record
from cct_ops.ledger.approval_answers import Answer
from cct_ops.ledger.schema import permits, resolutions
from cct_ops.models.change import ChangeState
from cct_ops.models.run import Run
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tasks.connections import settings
from tests.approvals.parts import ANNA, asked
from tests.dispatcher.running import Playbook
from tests.flows import faulty
from tests.flows.deaths import DEATHS, At, Death
from tests.flows.dying import ALL, Mortal, mortals
from tests.flows.reaping import reap, recovery_of
from tests.flows.upkeep import ANYTHING, run_of
from tests.stack.polling import eventually

pytestmark = pytest.mark.usefixtures("upkeep")


@pytest.fixture(scope="module")
def mortal(prefect_api_url: str) -> Iterator[Mortal]:
    """The process whose children die."""
    with mortals(prefect_api_url, ALL) as parent:
        yield parent


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxControl) -> dict[str, str]:
    """The environment of a child, which is soon taken for dead and never tired of waiting."""
    monkeypatch.setenv("CCT_OPS_LEASE_SECONDS", "0.3")
    monkeypatch.setenv("CCT_OPS_SETTLE_SECONDS", "1")
    settings.cache_clear()
    mine = ("CCT_", "SLACK_", "GITHUB_", "GH_TOKEN", "X_API_KEY")
    here = {name: value for name, value in os.environ.items() if name.startswith(mine)}
    return here | {"CCT_OPS_REQUEST_TIMEOUT_SECONDS": "60"}


def queued(death: Death, prefect_api_url: str) -> UUID:
    """Make the run that a worker would pick up."""
    deployment = Playbook(prefect_api_url, death.playbook).deploy(ANYTHING, tags=["playbook"])
    mode = "approve" if death.person else "auto"
    with get_client(sync_client=True) as client:
        return client.create_flow_run_from_deployment(
            deployment, parameters={**death.parameters, "mode": mode}, state=Pending()
        ).id


def approve(engine: sa.Engine, death: Death, run_id: UUID) -> None:
    """Let a person say yes to what the run will plan, as an observing run shows it."""
    name = death.playbook.replace("-", "_")
    playbook = getattr(import_module(f"flows.{name}"), name)
    observed: State[Any] = playbook(**death.parameters, mode="observe", return_state=True)
    assert observed.name == "Recommended", observed.message
    assert observed.state_details.flow_run_id is not None
    (seen,) = record.of_run(engine, observed.state_details.flow_run_id).decisions
    run = Run(id=run_id, name="approved", playbook=death.playbook, incident_id=None)
    approval = asked(engine, run, seen.plan)
    approval_answers.answer(
        engine, approval.id, Answer.of(ANNA, "link", approved=True), person=ANNA
    )


def die(death: Death, run_id: UUID, sandbox: SandboxControl, mortal: Mortal, env: Any) -> None:
    """Work on the run until it is killed, in whatever way."""
    if death.at is At.UNANSWERED:
        sandbox.faults(
            *(Fault(path=path, apply_then_hang=True) for path in ("/api/v1/", "/github/"))
        )
    pid = mortal.start_run(env, death.playbook, run_id, death.at, nth=death.nth)
    if death.at is At.UNANSWERED:
        eventually(lambda: len(faulty.writes(sandbox)) == 1, seconds=60)
        os.kill(pid, signal.SIGKILL)
    assert mortal.end() == "killed", run_of(run_id).state
    sandbox.clear_faults()


@pytest.mark.parametrize("death", DEATHS, ids=str)
def test_a_killed_playbook_ends_once(
    death: Death,
    sandbox: SandboxControl,
    engine: sa.Engine,
    mortal: Mortal,
    env: dict[str, str],
    prefect_api_url: str,
) -> None:
    death.seed(sandbox)
    before = death.truth(sandbox)
    run_id = queued(death, prefect_api_url)
    if death.person:
        approve(engine, death, run_id)
    told = len(sandbox.slack_messages())
    die(death, run_id, sandbox, mortal, env)

    if death.writes:
        recovery_of(engine, run_id)
    else:
        assert reap(engine, run_id) is None
    reap(engine, run_id)  # whoever looks later finds nothing to do

    assert faulty.writes(sandbox) == death.writes
    assert (death.truth(sandbox) != before) == death.stands
    known = record.of_run(engine, run_id)
    assert known.outcome is death.outcome, known.reason
    assert accounts(engine, run_id) == 1
    plan = known.decisions[0].plan
    nothing_is_open(engine, plan.target)
    ended = [change.state for change in changes.listed(engine, ended=True)]
    assert len(ended) == sum(step.lasts_minutes is not None for step in plan.steps)
    assert set(ended) <= {ChangeState.REVERTED, ChangeState.NOT_MADE}
    (message,) = sandbox.slack_messages()[told:]
    assert death.playbook in str(message.body)


def accounts(engine: sa.Engine, run_id: UUID) -> int:
    """How many accounts the ledger has of the run."""
    with engine.connect() as connection:
        return connection.execute(
            sa.select(sa.func.count()).where(resolutions.c.run_id == run_id)
        ).scalar_one()


def nothing_is_open(engine: sa.Engine, target: str) -> None:
    """Neither a permit nor a temporary change is left open, and the target is free for others."""
    with engine.connect() as connection:
        still = connection.execute(sa.select(permits).where(permits.c.closed_at.is_(None)))
        assert still.all() == []
    assert changes.listed(engine) == []
    assert locks.acquire(engine, target, uuid4(), seconds=60) is not None
