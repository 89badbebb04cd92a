"""Runs that are over in Prefect and gave no account: each is found, and dealt with once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.clients.server import CONFIGURED, Server
from cct_ops.controller.lost_ends import FIRST_SECONDS, LostEnds
from cct_ops.gate import recovery
from cct_ops.ledger.gate import leases, owed_accounts
from cct_ops.ledger.gate.owed_tables import owed_accounts as rows
from cct_ops.ledger.record import account
from cct_ops.ledger.statements import scalars
from cct_ops.models.run import NOT_RECORDED, REFUSED, Outcome, Run, incident_of
from cct_ops.sandbox.control import SandboxControl
from tests import left_runs
from tests.controller.crash_harness import (
    begin,
    deploy,
    die,
    dispatched,
    left,
    outbox_run,
    states,
    sweep,
)
from tests.controller.running import Playbook
from tests.ledger.alerts import opened
from tests.ledger.test_leases import PLAN

FAILED = f"FAILED {NOT_RECORDED}"


@pytest.fixture(autouse=True)
def here(prefect_api_url: str, engine: sa.Engine) -> Iterator[None]:
    """The sweeps' environment, in which no run but the test's own ended or is under way."""
    left_runs.forget(prefect_api_url)
    with temporary_settings({PREFECT_API_URL: prefect_api_url}):
        with get_client(sync_client=True) as client:
            owed_accounts.record(engine, (), (), CONFIGURED.now(client))
        yield


def look(engine: sa.Engine, *, grace: float = 0, server: Server = CONFIGURED) -> None:
    """Look for lost ends twice, with two controllers at once."""
    lost_ends = LostEnds(engine, grace, overlap_seconds=0, server=server)
    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(copy_context().run, lost_ends) for _ in range(4)]:
            each.result()


def sweeps(engine: sa.Engine, slack: str | None = None) -> None:
    """Do all that controllers do about such runs, two at a time and twice."""
    look(engine)
    sweep(engine, slack=slack)


def owed(engine: sa.Engine) -> list[UUID]:
    """The runs that owe an account."""
    return scalars(engine, sa.select(rows.c.run_id))


@pytest.mark.parametrize(
    "chain",
    [("RUNNING", FAILED), ("RUNNING", "FAILED TimedOut"), ("PENDING", "COMPLETED")],
    ids=" ".join,
)
def test_one_that_only_looked_is_replaced_once_while_its_incident_is_open(
    engine: sa.Engine,
    playbook: Playbook,
    deployment: str,
    chain: tuple[str, ...],
    sandbox: SandboxControl,
) -> None:
    incident = opened(engine)
    run_id = left(playbook, deployment, *chain, incident=incident)
    dispatched(engine, run_id, incident)

    sweeps(engine, slack=f"{sandbox.base_url}/slack/incidents")

    (new,) = (run for run in playbook.runs() if run["state_name"] == "Scheduled")
    assert len(states(playbook)) == 2
    assert new["parameters"] == {"target": "/daily-summary"}
    assert incident_of(new["tags"]) == incident  # type: ignore[arg-type]  # as Prefect says it
    assert outbox_run(engine, incident) == UUID(str(new["id"]))
    known = account.of_run(engine, run_id)
    assert known.outcome is Outcome.FAILED
    assert str(new["id"]) in (known.reason or "")
    assert sandbox.slack_messages() == [], "nobody has to do anything"
    assert owed(engine) == []


@pytest.mark.parametrize(
    ("begun", "wanted", "left_to_another"),
    [(True, True, True), (False, True, False), (True, False, False)],
    ids=["it looked", "nothing of it began", "its incident is none or over"],
)
def test_a_death_that_was_seen_is_left_to_another_run_where_that_may_do_better(
    engine: sa.Engine, playbook: Playbook, deployment: str, begun: bool, wanted: bool,
    left_to_another: bool,
) -> None:  # fmt: skip
    """It is due at once: no hook of it is to be waited for."""
    incident = opened(engine)
    run_id = left(playbook, deployment, "RUNNING", "CRASHED", incident=incident)
    if wanted:
        dispatched(engine, run_id, incident)
    if begun:
        leases.touch(engine, run_id, 0)

    assert recovery.left_to_another(engine, run_id) is left_to_another
    look(engine, grace=60)
    sweep(engine)

    successors = [run for run in playbook.runs() if run["state_name"] == "Scheduled"]
    assert len(successors) == int(left_to_another)
    assert (account.of_run(engine, run_id).outcome is Outcome.FAILED) is left_to_another


@pytest.mark.parametrize("chain", [("CANCELLED",), ("RUNNING", "CANCELLED")], ids=" ".join)
def test_one_that_a_person_cancelled_stays_cancelled(
    engine: sa.Engine,
    playbook: Playbook,
    deployment: str,
    chain: tuple[str, ...],
    sandbox: SandboxControl,
) -> None:
    """Also one that had not begun, of which no process of ours could say anything."""
    incident = opened(engine)
    run_id = left(playbook, deployment, *chain, incident=incident)
    dispatched(engine, run_id, incident)

    sweeps(engine, slack=f"{sandbox.base_url}/slack/incidents")

    assert states(playbook) == ["Cancelled"]
    assert outbox_run(engine, incident) == run_id
    assert account.of_run(engine, run_id).outcome is Outcome.CANCELLED
    (told,) = sandbox.slack_messages()
    assert "cancelled in Prefect before it had changed anything" in str(told.body)


def test_one_that_nothing_replaces_is_left_to_people_once(
    engine: sa.Engine, playbook: Playbook, deployment: str, sandbox: SandboxControl
) -> None:
    """A person started it, or a schedule: they get what starts it again."""
    run_id = left(playbook, deployment, "RUNNING", FAILED)

    sweeps(engine, slack=f"{sandbox.base_url}/slack/incidents")

    assert states(playbook) == [NOT_RECORDED]
    (page,) = sandbox.slack_messages()
    assert "The ledger was away for too long" in str(page.body)
    assert f"```cct-ops run {playbook.name} " in str(page.body)
    assert account.of_run(engine, run_id).outcome is Outcome.FAILED


def test_one_that_had_begun_a_change_is_recovered_once(
    engine: sa.Engine, playbook: Playbook, deployment: str
) -> None:
    recovery = Playbook(playbook.api_url, "recover")
    recovery.deploy({"type": "object", "properties": {}})
    run_id = left(playbook, deployment, "RUNNING", FAILED)
    begin(engine, run_id)

    sweeps(engine)

    mine = [run for run in recovery.runs() if run["parameters"] == {"run_id": str(run_id)}]
    assert len(mine) == 1
    assert states(playbook) == [NOT_RECORDED]


def test_one_of_upkeep_has_its_account_and_the_ledger_starts_the_next(
    engine: sa.Engine, playbook: Playbook, sandbox: SandboxControl
) -> None:
    deployment = deploy(playbook, "upkeep")
    run_id = left(playbook, deployment, "RUNNING", FAILED)

    sweeps(engine, slack=f"{sandbox.base_url}/slack/incidents")

    assert states(playbook) == [NOT_RECORDED]
    assert sandbox.slack_messages() == []
    assert account.of_run(engine, run_id).outcome is Outcome.FAILED
    playbook.delete(UUID(deployment))


def test_who_gave_an_account_or_owes_none_or_is_not_ours_is_left_alone(
    engine: sa.Engine, playbook: Playbook, deployment: str
) -> None:
    """One that was refused before it began is none, unless it had been at work before."""
    ended = left(playbook, deployment, "RUNNING", "FAILED")
    about = Run(id=ended, name="a run", playbook=PLAN.playbook)
    account.record_outcome(engine, about, PLAN.target, Outcome.FAILED, "So it was.")
    left(playbook, deployment, "RUNNING", f"FAILED {REFUSED}")
    left(playbook, deployment, "RUNNING", "COMPLETED Resolved")
    foreign = Playbook(playbook.api_url, f"foreign-{uuid4().hex[:8]}")
    left(foreign, deploy(foreign, "theirs"), "CRASHED")
    look(engine)
    assert owed(engine) == []

    begun = left(playbook, deployment, "RUNNING", f"FAILED {REFUSED}")
    leases.touch(engine, begun, 60)
    look(engine)
    assert owed(engine) == [begun]


def test_one_whose_process_lives_and_one_whose_hooks_may_run_yet_are_waited_for(
    engine: sa.Engine, playbook: Playbook, deployment: str
) -> None:
    """A state can be set by hand; the run itself goes on, and ends with its own account."""
    living = left(playbook, deployment, "RUNNING", "FAILED")
    with leases.alive(engine, living, seconds=30):
        look(engine, grace=60)
        look(engine)
        assert owed(engine) == [living]
        assert not leases.is_reaped(engine, living)
    die(engine)
    about = Run(id=living, name="a run", playbook=PLAN.playbook)
    account.record_outcome(engine, about, PLAN.target, Outcome.RESOLVED, "As it was to be.")

    sweeps(engine)

    assert owed(engine) == []
    assert states(playbook) == ["Failed"]
    assert account.of_run(engine, living).outcome is Outcome.RESOLVED


def test_each_look_goes_on_from_the_last_and_the_first_goes_back_for_an_hour(
    engine: sa.Engine,
) -> None:
    """Another controller that is behind does not turn it back."""
    asked: list[datetime] = []

    with get_client(sync_client=True) as client:
        at = CONFIGURED.now(client) + timedelta(days=1)
        server = Server(now=lambda _: at)
        LostEnds(engine, server=server)()
        owed_accounts.record(engine, (), (), at - timedelta(hours=1))
        asked += filter(None, [owed_accounts.looked_until(engine)])

    assert asked == [at]
    assert FIRST_SECONDS == 3600


def test_a_clock_that_was_ahead_and_is_set_right_hides_no_end(
    engine: sa.Engine, playbook: Playbook, deployment: str
) -> None:
    with get_client(sync_client=True) as client:
        LostEnds(engine, server=Server(now=lambda _: CONFIGURED.now(client) + timedelta(hours=1)))()
    run_id = left(playbook, deployment, "RUNNING", FAILED)

    LostEnds(engine)()

    assert run_id in owed(engine)  # beside what other tests left there in the hour before
