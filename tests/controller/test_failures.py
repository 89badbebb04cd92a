"""One run each, whatever dies, fails, hangs or gets lost on the way to Prefect or Slack."""

from __future__ import annotations

import json
import multiprocessing
from uuid import UUID

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.intake import outbox
from cct_ops.models.run import incident_of
from evaluation.soak.rules import cases
from tests.controller.running import (
    Playbook,
    dispatch,
    dispatch_until_killed,
    dispatching,
    routes_to,
    state,
)
from tests.controller.wire import Answer, Request, passing_on_to, wire
from tests.ledger.alerts import opened
from tests.stack.polling import eventually


def test_a_controller_killed_before_it_marks_its_row_starts_nothing_twice(
    engine: sa.Engine, ledger_url: SecretStr, playbook: Playbook
) -> None:
    """Prefect made the run, the controller dies with the answer: again and again, one run each."""
    playbook.deploy()
    times = cases("controller kills", 10)
    # Forked from a server that has everything imported: ten starts take two seconds, not forty.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.controller.running"])
    incidents, killed = [opened(engine) for _ in range(times)], 0
    upstream = passing_on_to(playbook.api_url.removesuffix("/api"))

    with wire(upstream) as prefect:
        for _ in range(times):
            victim = processes.Process(
                target=dispatch_until_killed,
                args=(ledger_url.get_secret_value(), f"{prefect.url}/api", playbook.name),
            )

            def kill(request: Request, victim: object = victim) -> Answer | None:
                answer = upstream(request)
                if not request.creates_run:
                    return answer
                victim.kill()  # type: ignore[attr-defined]
                return None

            prefect.behave = kill
            victim.start()
            victim.join(60)
            killed += victim.exitcode == -9
            victim.close()

    with dispatching(engine, playbook.api_url, routes_to(playbook.name)):
        eventually(lambda: all(state(engine, each) == "sent" for each in incidents), seconds=60)
    runs = playbook.runs()
    rows = [dispatch(engine, each) for each in incidents]
    assert killed == times
    assert sorted(str(row.flow_run_id) for row in rows if row) == sorted(
        str(run["id"]) for run in runs
    )
    assert len({incident_of(run["tags"]) for run in runs}) == len(runs) == times  # type: ignore[arg-type]  # as Prefect says it


@pytest.mark.parametrize("fault", ["500", "503", "401", "not JSON", "silence"])
def test_a_prefect_that_fails_is_asked_again(
    engine: sa.Engine, playbook: Playbook, fault: str
) -> None:
    """None of these says that the request is wrong, so no row is set aside for them."""
    playbook.deploy()
    upstream = passing_on_to(playbook.api_url.removesuffix("/api"))
    incident = opened(engine)

    def fail(_request: Request) -> Answer | None:
        if fault == "silence":
            return None
        return Answer(200, b"<html>") if fault == "not JSON" else Answer(int(fault), b"{}")

    def tried() -> bool:
        row = dispatch(engine, incident)
        return row is not None and row.attempts >= 2 and row.note is not None

    with wire(fail) as prefect, dispatching(engine, f"{prefect.url}/api", routes_to(playbook.name)):
        eventually(tried)
        assert state(engine, incident) == "pending"
        prefect.behave = upstream
        eventually(lambda: state(engine, incident) == "sent")

    assert len(playbook.runs()) == 1


def test_a_prefect_that_hangs_is_asked_again(engine: sa.Engine, playbook: Playbook) -> None:
    """Nobody waits for an answer for ever."""
    playbook.deploy()
    incident = opened(engine)
    routes = routes_to(playbook.name)
    with wire(lambda _: None) as prefect:
        prefect.behave = prefect.hang
        with dispatching(engine, f"{prefect.url}/api", routes, timeout_seconds=1):
            eventually(lambda: len(prefect.requests) >= 2)
            prefect.behave = passing_on_to(playbook.api_url.removesuffix("/api"))
            prefect.released.set()
            eventually(lambda: state(engine, incident) == "sent", seconds=40)

    assert len(playbook.runs()) == 1


def test_a_run_that_was_made_unseen_is_found_again(engine: sa.Engine, playbook: Playbook) -> None:
    """The answer got lost: the same key gives the same run."""
    playbook.deploy()
    upstream = passing_on_to(playbook.api_url.removesuffix("/api"))
    incident, made = opened(engine), []

    def lose_the_first(request: Request) -> Answer | None:
        answer = upstream(request)
        if not request.creates_run or answer is None:
            return answer
        made.append(json.loads(answer.body)["id"])
        return None if len(made) == 1 else answer

    with (
        wire(lose_the_first) as prefect,
        dispatching(engine, f"{prefect.url}/api", routes_to(playbook.name)),
    ):
        eventually(lambda: state(engine, incident) == "sent")

    assert len(made) == 2
    assert {run["id"] for run in playbook.runs()} == set(made)
    assert len(set(made)) == 1


def test_an_incident_without_a_playbook_is_reported_once_slack_listens(
    engine: sa.Engine, playbook: Playbook
) -> None:
    """A Slack that fails is asked again; what others wrote is plain text, and never asked for."""
    with wire(lambda _: Answer(500, b"no")) as slack:
        incident = opened(engine, alertname="<!channel> Watchdog", runbook_url=f"{slack.url}/trap")
        hook = f"{slack.url}/services/x"
        with dispatching(engine, playbook.api_url, routes_to(playbook.name), hook):
            eventually(lambda: len(slack.requests) >= 2)
            assert state(engine, incident, outbox.NOTICE) == "pending"
            slack.behave = lambda _: Answer(200, b"ok")
            eventually(lambda: state(engine, incident, outbox.NOTICE) == "notified")
        said = json.loads(slack.requests[-1].body)
        assert {each.path for each in slack.requests} == {"/services/x"}

    row = dispatch(engine, incident)
    assert row is not None
    assert (row.state, row.rule, row.flow_run_id) == ("notified", "the-rest", None)
    assert said["text"].startswith("&lt;!channel&gt; Watchdog from alertmanager: ")
    *theirs, ours = [block["text"] for block in said["blocks"]]
    assert {text["type"] for text in theirs} == {"plain_text"}
    assert ours["text"] == (
        f"*By hand*\n```cct-ops why {incident}```\n```cct-ops inbox --unfinished```"
    )
    assert str(incident) in said["blocks"][1]["text"]["text"]


def test_a_slack_that_hangs_holds_up_no_playbook(engine: sa.Engine, playbook: Playbook) -> None:
    """Messages have a lane of their own."""
    playbook.deploy()
    with wire(lambda _: None) as slack:
        slack.behave = slack.hang
        hook = f"{slack.url}/services/x"
        with dispatching(engine, playbook.api_url, routes_to(playbook.name), hook):
            opened(engine, alertname="Watchdog")
            eventually(lambda: len(slack.requests) == 1)
            incident = opened(engine)
            eventually(lambda: state(engine, incident) == "sent", seconds=8)
            slack.released.set()


def test_a_claim_that_lost_its_lease_changes_nothing(engine: sa.Engine) -> None:
    """Whoever was slow must not overwrite what the next one did."""
    incident = opened(engine)
    slow = outbox.claim(engine, outbox.REMEDIATE, lease_seconds=0)
    fast = outbox.claim(engine, outbox.REMEDIATE, lease_seconds=30)
    assert slow is not None
    assert fast is not None
    assert outbox.claim(engine, outbox.REMEDIATE, lease_seconds=30) is None

    outbox.mark_sent(engine, fast, rule="r", playbook="p", flow_run_id=UUID(int=1))
    outbox.postpone(engine, slow, 60, "late")
    outbox.hand_to_people(engine, slow, state="dead-lettered", rule="r", reason="late")

    assert state(engine, incident) == "sent"
    assert state(engine, incident, outbox.NOTICE) is None
