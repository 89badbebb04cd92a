"""Runs that a dead worker left behind: Prefect keeps them for ever, the reaper does not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from cct_ops.dispatcher.reaper import RECOVERIES, REPLACEMENTS, Reaper
from cct_ops.ledger import leases, locks, outbox, permits, record
from cct_ops.ledger.change_tables import run_leases
from cct_ops.ledger.permits import Checker
from cct_ops.ledger.schema import dispatches, incidents
from cct_ops.models.mode import Mode
from cct_ops.models.outcome import Outcome
from cct_ops.models.permit import PermitKind
from cct_ops.models.reversion import ReversionDiagnosis
from cct_ops.models.run import Run
from cct_ops.sandbox.control import SandboxControl
from cct_ops.voice import Voice
from tests.dispatcher.running import SCHEMA, Playbook, opened
from tests.ledger.test_leases import PLAN, RESET
from tests.models.test_reversion import change
from tests.plain import HTTP

START_SECONDS = 0.3


@pytest.fixture(autouse=True)
def here(prefect_api_url: str) -> Iterator[None]:
    """The reaper's environment."""
    with temporary_settings({PREFECT_API_URL: prefect_api_url}):
        yield


@pytest.fixture
def deployment(playbook: Playbook) -> Iterator[str]:
    """A deployment that is one of ours by its tag, for as long as the test lasts."""
    deployment_id = deploy(playbook, "playbook")
    yield deployment_id
    playbook.delete(UUID(deployment_id))


def deploy(playbook: Playbook, tag: str) -> str:
    """Deploy with a tag."""
    deployment_id = playbook.deploy(SCHEMA | {"required": []})
    api(playbook, "PATCH", f"/deployments/{deployment_id}", {"tags": [tag]})
    return str(deployment_id)


def api(playbook: Playbook, method: str, path: str, content: object) -> Any:
    """Ask Prefect."""
    answer = HTTP.request(method, f"{playbook.api_url}{path}", json=content).raise_for_status()
    return answer.json() if answer.content else None


def left(playbook: Playbook, deployment: str, *states: str, incident: UUID | None = None) -> UUID:
    """Leave a run in the last of these states, as a worker does that is killed."""
    parameters = {"target": "/daily-summary"} | ({"incident_id": str(incident)} if incident else {})
    run = api(
        playbook,
        "POST",
        f"/deployments/{deployment}/create_flow_run",
        {"parameters": parameters, "tags": ["rule:a"]},
    )
    for state in states:
        told = {"state": {"type": state}, "force": True}
        api(playbook, "POST", f"/flow_runs/{run['id']}/set_state", told)
    return UUID(run["id"])


def dispatched(engine: sa.Engine, run_id: UUID, incident: UUID) -> None:
    """Note that the incident's run is this one."""
    with engine.begin() as tx:
        tx.execute(
            sa.update(dispatches)
            .where(dispatches.c.incident_id == incident)
            .values(flow_run_id=run_id, state="sent")
        )


def sweep(engine: sa.Engine, *, slack: str | None = None, pause: float = 0) -> None:
    """Sweep twice with two reapers at once, when a start has taken too long."""
    voice = Voice(engine, SecretStr(slack) if slack else None)
    reaper = Reaper(engine, voice, START_SECONDS, pause)
    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(copy_context().run, reaper) for _ in range(4)]:
            each.result()


def states(playbook: Playbook) -> list[str]:
    """The states of all runs, sorted."""
    return sorted(str(run["state_name"]) for run in playbook.runs())


@pytest.mark.parametrize("chain", [("PENDING",), ("PENDING", "RUNNING"), ("RUNNING", "CANCELLING")])
def test_a_dead_run_is_replaced_once_while_its_incident_is_open(
    engine: sa.Engine, playbook: Playbook, deployment: str, chain: tuple[str, ...]
) -> None:
    incident = opened(engine)
    run_id = left(playbook, deployment, *chain, incident=incident)
    dispatched(engine, run_id, incident)

    wait_and_sweep(engine)

    final = "Cancelled" if "CANCELLING" in chain else "Crashed"
    assert states(playbook) == [final, "Scheduled"]
    (new,) = (run for run in playbook.runs() if run["state_name"] == "Scheduled")
    assert new["parameters"] == {"target": "/daily-summary", "incident_id": str(incident)}
    assert outbox_run(engine, incident) == UUID(str(new["id"]))
    known = record.of_run(engine, run_id)
    assert known.outcome is Outcome.FAILED
    assert str(new["id"]) in (known.reason or "")


def wait_and_sweep(engine: sa.Engine, **options: Any) -> None:
    """Let a start take too long, and sweep."""
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_sleep(START_SECONDS)))
    sweep(engine, **options)


def outbox_run(engine: sa.Engine, incident: UUID) -> UUID | None:
    """The run that works on the incident."""
    with engine.connect() as connection:
        run_id: UUID | None = connection.execute(
            sa.select(dispatches.c.flow_run_id).where(
                dispatches.c.incident_id == incident, dispatches.c.purpose == outbox.REMEDIATE
            )
        ).scalar_one()
    return run_id


def test_a_run_that_kills_its_workers_is_given_up(
    engine: sa.Engine, playbook: Playbook, deployment: str, sandbox: SandboxControl
) -> None:
    """Each replacement dies as well; people are told once, and no further one is started."""
    incident = opened(engine)
    dispatched(engine, left(playbook, deployment, "PENDING", incident=incident), incident)
    slack = f"{sandbox.base_url}/slack/incidents"

    for _ in range(REPLACEMENTS + 2):
        for run in playbook.runs():
            if run["state_name"] == "Scheduled":
                told = {"state": {"type": "PENDING"}, "force": True}
                api(playbook, "POST", f"/flow_runs/{run['id']}/set_state", told)
        wait_and_sweep(engine, slack=slack)

    assert states(playbook) == ["Crashed"] * (REPLACEMENTS + 1)
    (page,) = sandbox.slack_messages()
    assert f"```prefect deployment run {playbook.name}/{playbook.name} " in str(page.body)
    assert f"```cct-ops why {incident}```" in str(page.body)


def test_without_an_open_incident_people_are_told(
    engine: sa.Engine, playbook: Playbook, deployment: str, sandbox: SandboxControl
) -> None:
    incident = opened(engine)
    dispatched(engine, left(playbook, deployment, "RUNNING", incident=incident), incident)
    left(playbook, deployment, "PENDING")
    with engine.begin() as tx:
        tx.execute(sa.update(incidents).values(state="closed"))

    wait_and_sweep(engine, slack=f"{sandbox.base_url}/slack/incidents")

    assert states(playbook) == ["Crashed", "Crashed"]
    assert len(sandbox.slack_messages()) == 2


def test_what_lives_or_waits_or_is_not_ours_is_left_alone(
    engine: sa.Engine, playbook: Playbook, deployment: str, prefect_api_url: str
) -> None:
    """A lease, a suspension, a run that is only starting, and a deployment of somebody else."""
    foreign = Playbook(prefect_api_url, f"foreign-{uuid4().hex[:8]}")
    left(foreign, deploy(foreign, "theirs"), "PENDING")
    left(playbook, deployment, "RUNNING", "PAUSED")
    left(playbook, deployment)
    living = left(playbook, deployment, "RUNNING")
    with leases.alive(engine, living, seconds=30):
        wait_and_sweep(engine)
        left(playbook, deployment, "PENDING")
        Reaper(engine, Voice(engine), 300)()

    assert states(playbook) == ["Paused", "Pending", "Running", "Scheduled"]
    assert states(foreign) == ["Pending"]


def test_a_dead_run_of_upkeep_is_not_replaced(
    engine: sa.Engine, playbook: Playbook, sandbox: SandboxControl
) -> None:
    """What it was to do stands in the ledger, from where the next one is started."""
    deployment = deploy(playbook, "upkeep")
    left(playbook, deployment, "PENDING", "RUNNING")

    wait_and_sweep(engine, slack=f"{sandbox.base_url}/slack/incidents")

    assert states(playbook) == ["Crashed"]
    assert sandbox.slack_messages() == []
    playbook.delete(UUID(deployment))


def test_a_change_is_recovered_until_somebody_must_be_called(
    engine: sa.Engine, playbook: Playbook, deployment: str, sandbox: SandboxControl
) -> None:
    """One recovery at a time; when none of them ends well, people are told once."""
    recovery = Playbook(playbook.api_url, "recover")
    recovery.deploy({"type": "object", "properties": {}})
    run_id = left(playbook, deployment, "RUNNING")
    begin(engine, run_id)
    slack = f"{sandbox.base_url}/slack/incidents"

    for attempt in range(1, RECOVERIES + 2):
        wait_and_sweep(engine, slack=slack)
        mine = [run for run in recovery.runs() if run["parameters"] == {"run_id": str(run_id)}]
        assert len(mine) == min(attempt, RECOVERIES)
        for run in mine:
            told = {"state": {"type": "FAILED"}, "force": True}
            api(playbook, "POST", f"/flow_runs/{run['id']}/set_state", told)

    assert states(playbook) == ["Crashed"]
    (page,) = sandbox.slack_messages()
    assert f"```prefect deployment run recover/recover -p run_id={run_id}```" in str(page.body)
    assert "a person must look" in (record.of_run(engine, run_id).reason or "")


def begin(engine: sa.Engine, run_id: UUID) -> None:
    """Let the run begin its change and die."""
    run = Run(id=run_id, name="a run", playbook=PLAN.playbook)
    token = locks.acquire(engine, PLAN.target, run_id, seconds=60)
    assert token is not None
    with engine.begin() as tx:
        record.decide(
            tx,
            ReversionDiagnosis.not_now(change()),
            PLAN,
            run=run,
            mode=Mode.AUTO,
            verdict="permitted",
            reason="-",
        )
        permit = permits.issue(
            tx,
            PermitKind.CHANGE,
            PLAN,
            PLAN.calls,
            run=run,
            fencing_token=token,
            seconds=60,
        )
    with Checker(engine, run_id).check(permit, RESET):
        pass
    with engine.begin() as tx:
        tx.execute(sa.update(run_leases).values(expires_at=sa.func.clock_timestamp()))
