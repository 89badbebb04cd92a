"""Runs that a dead worker left behind: Prefect keeps them for ever, the reaper does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Submitting

from cct_ops.controller.crashed_runs import RECOVERIES, REPLACEMENTS, Reaper
from cct_ops.ledger.gate import leases
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome, Run, incident_of
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from tests import left_runs
from tests.controller.crash_harness import (
    POLICY,
    api,
    begin,
    deploy,
    die,
    dispatched,
    left,
    outbox_run,
    permitted,
    states,
    wait_and_sweep,
)
from tests.controller.running import Playbook
from tests.controller.wire import Answer, wire
from tests.ledger import history
from tests.ledger.alerts import opened
from tests.ledger.test_leases import PLAN

# Prefect's own name for it; to the server it is a kind of Pending.
SUBMITTING = f"{Submitting().type.value} {Submitting().name}"

FELL = f"may do less on targets like {PLAN.target}: approve instead of auto"


@pytest.fixture(autouse=True)
def here(prefect_api_url: str) -> Iterator[None]:
    """The reaper's environment, in which no run but the test's own is under way."""
    left_runs.forget(prefect_api_url)
    with temporary_settings({PREFECT_API_URL: prefect_api_url}):
        yield


@pytest.mark.parametrize(
    "chain", [("PENDING",), ("PENDING", SUBMITTING), ("PENDING", "RUNNING")], ids=" ".join
)
def test_a_dead_run_is_replaced_once_while_its_incident_is_open(
    engine: sa.Engine, playbook: Playbook, deployment: str, chain: tuple[str, ...]
) -> None:
    incident = opened(engine)
    run_id = left(playbook, deployment, *chain, incident=incident)
    dispatched(engine, run_id, incident)

    wait_and_sweep(engine)

    assert states(playbook) == ["Crashed", "Scheduled"]
    (new,) = (run for run in playbook.runs() if run["state_name"] == "Scheduled")
    assert new["parameters"] == {"target": "/daily-summary"}
    assert incident_of(new["tags"]) == incident  # type: ignore[arg-type]  # as Prefect says it
    assert outbox_run(engine, incident) == UUID(str(new["id"]))
    known = account.of_run(engine, run_id)
    assert known.outcome is Outcome.FAILED
    assert str(new["id"]) in (known.reason or "")


def test_a_dead_run_that_was_moved_on_after_its_end_is_ended_again(
    engine: sa.Engine, playbook: Playbook, deployment: str
) -> None:
    """By a worker that was late, or a process that was only asleep: nobody else ends it."""
    run_id = left(playbook, deployment, "RUNNING")
    wait_and_sweep(engine)
    again = {"state": {"type": "RUNNING"}, "force": True}
    api(playbook, "POST", f"/flow_runs/{run_id}/set_state", again)
    assert states(playbook) == ["Running"]

    wait_and_sweep(engine)

    assert states(playbook) == ["Crashed"]


def test_a_dead_run_that_a_person_was_cancelling_is_cancelled_and_not_replaced(
    engine: sa.Engine, playbook: Playbook, deployment: str
) -> None:
    """As if its process had lived to do so, although its incident is open."""
    incident = opened(engine)
    run_id = left(playbook, deployment, "RUNNING", "CANCELLING", incident=incident)
    dispatched(engine, run_id, incident)

    wait_and_sweep(engine)

    assert states(playbook) == ["Cancelled"]
    assert outbox_run(engine, incident) == run_id
    assert account.of_run(engine, run_id).outcome is Outcome.CANCELLED


def test_a_run_that_kills_its_workers_is_given_up(
    engine: sa.Engine, playbook: Playbook, deployment: str, sandbox: SandboxControl
) -> None:
    """Each replacement dies as well; people are notified once, and no further one is started."""
    incident = opened(engine)
    dispatched(engine, left(playbook, deployment, "PENDING", incident=incident), incident)
    slack = f"{sandbox.base_url}/slack/incidents"

    for _ in range(REPLACEMENTS + 2):
        for run in playbook.runs():
            if run["state_name"] == "Scheduled":
                new_state = {"state": {"type": "PENDING"}, "force": True}
                api(playbook, "POST", f"/flow_runs/{run['id']}/set_state", new_state)
        wait_and_sweep(engine, slack=slack)

    assert states(playbook) == ["Crashed"] * (REPLACEMENTS + 1)
    (page,) = sandbox.slack_messages()
    assert f"```cct-ops run {playbook.name} " in str(page.body)
    assert f"```cct-ops why {incident}```" in str(page.body)


def test_one_that_was_deleted_in_prefect_has_its_account_from_the_ledger(
    engine: sa.Engine, playbook: Playbook, deployment: str, sandbox: SandboxControl
) -> None:
    """Nothing replaces it, for whoever deleted it wanted none; people are notified once."""
    incident = opened(engine)
    run_id = left(playbook, deployment, "RUNNING", incident=incident)
    dispatched(engine, run_id, incident)
    about = Run(id=run_id, name="a run", playbook=PLAN.playbook, incident_id=incident)
    history.permitted(engine, about, PLAN)
    die(engine)
    api(playbook, "DELETE", f"/flow_runs/{run_id}", None)

    for _ in range(2):
        wait_and_sweep(engine, slack=f"{sandbox.base_url}/slack/incidents")

    known = account.of_run(engine, run_id)
    assert known.outcome is Outcome.FAILED
    assert "was deleted in Prefect" in (known.reason or "")
    assert states(playbook) == []
    assert outbox_run(engine, incident) == run_id
    page, fall = sandbox.slack_messages()
    assert FELL in str(fall.body)
    assert f"```cct-ops why {incident}```" in str(page.body)


def test_without_an_open_incident_people_are_notified(
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
        Reaper(engine, Notifier(engine), POLICY, 300)()

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
    """One recovery at a time; when none of them ends well, people are notified once."""
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
            new_state = {"state": {"type": "FAILED"}, "force": True}
            api(playbook, "POST", f"/flow_runs/{run['id']}/set_state", new_state)

    assert states(playbook) == ["Crashed"]
    page, fall = sandbox.slack_messages()
    assert f"```cct-ops run recover --run-id {run_id}```" in str(page.body)
    assert FELL in str(fall.body)
    assert "a person must look" in (account.of_run(engine, run_id).reason or "")


def test_a_death_that_costs_its_playbook_trust_is_reported_once_and_with_the_account(
    engine: sa.Engine, playbook: Playbook, deployment: str, tmp_path: Path
) -> None:
    """It had its permit, so the record counts it; while Slack is down nothing is written."""
    incident = opened(engine)
    run_id = left(playbook, deployment, "RUNNING", incident=incident)
    dispatched(engine, run_id, incident)
    permitted(engine, run_id, PLAN.model_copy(update={"playbook": playbook.name}))
    die(engine)
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"playbooks: {{{playbook.name}: {{ceiling: auto}}}}\n")
    answer = Answer(503)

    with wire(lambda _: answer) as slack:
        wait_and_sweep(engine, slack=slack.url, policy=policy)
        assert account.of_run(engine, run_id).outcome is None
        assert outbox_run(engine, incident) == run_id
        slack.requests.clear()
        answer = Answer(200, b"ok")
        wait_and_sweep(engine, slack=slack.url, policy=policy)

        (sent,) = slack.requests
    assert f"{playbook.name} {FELL}" in sent.body.decode()
    assert account.of_run(engine, run_id).outcome is Outcome.FAILED
    assert states(playbook) == ["Crashed", "Scheduled"], "and one run replaces it"
    assert outbox_run(engine, incident) != run_id
