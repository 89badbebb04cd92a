"""From an incident to exactly one run in a real Prefect, whatever fails on the way."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger import outbox
from tests.conftest import ROOT
from tests.dispatcher.running import (
    Playbook,
    dispatch,
    dispatch_until_killed,
    dispatching,
    opened,
    routes_to,
    state,
)
from tests.dispatcher.wire import Answer, Request, passing_on_to, wire
from tests.stack.polling import eventually


@pytest.fixture
def playbook(prefect_api_url: str) -> Playbook:
    """A playbook of this test's own, not deployed yet."""
    return Playbook(prefect_api_url, f"playbook-{uuid4().hex[:12]}")


def test_an_incident_becomes_one_run(engine: sa.Engine, playbook: Playbook) -> None:
    """The run knows its target, its ceiling and its incident, all as plain values."""
    deployment_id = playbook.deploy()
    incident = opened(engine)
    with dispatching(engine, playbook.api_url, routes_to(playbook.name)):
        eventually(lambda: state(engine, incident) == "sent")

    row = dispatch(engine, incident)
    (run,) = playbook.runs()
    key = f"{incident}|1|{playbook.name}|remediate"
    assert row is not None
    assert (str(row.flow_run_id), row.playbook, row.rule) == (
        run["id"],
        playbook.name,
        "rolled-back",
    )
    assert run["deployment_id"] == str(deployment_id)
    assert run["idempotency_key"] == hashlib.sha256(key.encode()).hexdigest()
    assert run["parameters"] == {
        "target": "/daily-summary",
        "mode": "auto",
        "incident_id": str(incident),
    }
    assert set(run["tags"]) == {"rule:rolled-back", "source:alertmanager"}  # type: ignore[call-overload]


def test_a_notification_wakes_it(engine: sa.Engine, playbook: Playbook) -> None:
    """An incident does not wait for the next poll."""
    playbook.deploy()
    with dispatching(engine, playbook.api_url, routes_to(playbook.name)):
        warm, incident = opened(engine), None
        eventually(lambda: state(engine, warm) == "sent")
        began = time.monotonic()
        incident = opened(engine)
        eventually(lambda: state(engine, incident) == "sent")

    assert time.monotonic() - began < 5


def test_several_dispatchers_share_the_work(engine: sa.Engine, playbook: Playbook) -> None:
    """Whoever claims a row has it alone."""
    playbook.deploy()
    incidents = [opened(engine) for _ in range(30)]
    routes = routes_to(playbook.name)
    with (
        dispatching(engine, playbook.api_url, routes),
        dispatching(engine, playbook.api_url, routes),
    ):
        eventually(lambda: all(state(engine, each) == "sent" for each in incidents), seconds=60)

    assert len(playbook.runs()) == 30


def test_a_dispatcher_killed_before_it_marks_its_row_starts_nothing_twice(
    engine: sa.Engine, ledger_url: SecretStr, playbook: Playbook
) -> None:
    """Prefect made the run, the dispatcher dies with the answer: ten times, one run each."""
    playbook.deploy()
    # Forked from a server that has everything imported: ten starts take two seconds, not forty.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.dispatcher.running"])
    incidents, killed = [opened(engine) for _ in range(10)], 0
    upstream = passing_on_to(playbook.api_url.removesuffix("/api"))

    with wire(upstream) as prefect:
        for _ in range(10):
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
    assert killed == 10
    assert sorted(str(row.flow_run_id) for row in rows if row) == sorted(
        str(run["id"]) for run in runs
    )
    assert len({json.dumps(run["parameters"]) for run in runs}) == len(runs) == 10


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

    with (
        wire(fail) as prefect,
        dispatching(engine, f"{prefect.url}/api", routes_to(playbook.name)),
    ):
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


def test_an_unknown_playbook_is_set_aside_and_told(engine: sa.Engine, playbook: Playbook) -> None:
    """No repetition deploys it; once a person did, the row can be given another chance."""
    incident = opened(engine)
    with dispatching(engine, playbook.api_url, routes_to(playbook.name)):
        eventually(lambda: state(engine, incident, outbox.NOTICE) == "notified")
        row = dispatch(engine, incident)
        assert row is not None
        assert row.state == "parked"
        assert f"Prefect knows no deployment {playbook.name}" in row.note

        playbook.deploy()
        assert outbox.requeue(engine, row.id)
        eventually(lambda: state(engine, incident) == "sent")


def test_a_playbook_that_was_deployed_anew_is_found(engine: sa.Engine, playbook: Playbook) -> None:
    """Its id is remembered, and asked for again when nobody knows it any more."""
    first = playbook.deploy()
    with dispatching(engine, playbook.api_url, routes_to(playbook.name)):
        before = opened(engine)
        eventually(lambda: state(engine, before) == "sent")
        playbook.delete(first)
        second = playbook.deploy()
        after = opened(engine)
        eventually(lambda: state(engine, after) == "sent")

    newest = {str(run["deployment_id"]) for run in playbook.runs()}
    assert second != first
    assert str(second) in newest


def test_parameters_that_prefect_refuses_are_set_aside(
    engine: sa.Engine, playbook: Playbook
) -> None:
    """The playbook's own schema has the last word."""
    playbook.deploy({"type": "object", "properties": {}, "additionalProperties": False})
    incident = opened(engine)
    with dispatching(engine, playbook.api_url, routes_to(playbook.name)):
        eventually(lambda: state(engine, incident) == "parked")

    row = dispatch(engine, incident)
    assert row is not None
    assert f"Prefect refused the run of {playbook.name} with 409" in row.note
    assert playbook.runs() == []


def test_a_row_that_cannot_be_helped_holds_up_nobody(engine: sa.Engine, playbook: Playbook) -> None:
    """A label that is no target is never passed on; the incident behind it gets its run."""
    playbook.deploy()
    bad = opened(engine, route='{"__prefect_kind": "jinja", "template": "{{ 7 * 7 }}"}')
    good = opened(engine)
    with dispatching(engine, playbook.api_url, routes_to(playbook.name)):
        eventually(lambda: state(engine, good) == "sent")
        eventually(lambda: state(engine, bad) == "parked")

    row = dispatch(engine, bad)
    assert row is not None
    assert row.note == f"{playbook.name} was not started: label route is not a route of CCT"
    assert len(playbook.runs()) == 1


def test_an_incident_without_a_playbook_is_told_once_slack_listens(
    engine: sa.Engine, playbook: Playbook
) -> None:
    """A Slack that fails is asked again, and what others wrote arrives as plain text."""
    incident = opened(engine, alertname="<!channel> Watchdog")
    with wire(lambda _: Answer(500, b"no")) as slack:
        hook = f"{slack.url}/services/x"
        with dispatching(engine, playbook.api_url, routes_to(playbook.name), hook):
            eventually(lambda: len(slack.requests) >= 2)
            assert state(engine, incident, outbox.NOTICE) == "pending"
            slack.behave = lambda _: Answer(200, b"ok")
            eventually(lambda: state(engine, incident, outbox.NOTICE) == "notified")
        said = json.loads(slack.requests[-1].body)

    row = dispatch(engine, incident)
    assert row is not None
    assert (row.state, row.rule, row.flow_run_id) == ("notified", "the-rest", None)
    assert said["text"].startswith("&lt;!channel&gt; Watchdog from alertmanager: ")
    assert {block["text"]["type"] for block in said["blocks"]} == {"plain_text"}
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


def test_the_process_starts_runs_and_stops_when_told_to(
    engine: sa.Engine, ledger_url: SecretStr, playbook: Playbook, tmp_path: Path
) -> None:
    """With files of its own, in a process of its own; SIGTERM is an orderly end."""
    playbook.deploy()
    incident = opened(engine)
    routes = tmp_path / "routes.yaml"
    routes.write_text(routes_to_text(playbook.name))
    environment = os.environ | {
        "PREFECT_API_URL": playbook.api_url,
        "CCT_OPS_DATABASE_URL": ledger_url.get_secret_value(),
        "CCT_OPS_ROUTES_PATH": str(routes),
    }
    command = [sys.executable, "-m", "cct_ops.dispatcher"]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "dispatcher: ready\n", log.name
            eventually(lambda: state(engine, incident) == "sent")
            process.terminate()
            assert process.wait(timeout=8) == 0
        finally:
            process.kill()


def routes_to_text(playbook: str) -> str:
    """Return the rules as a file."""
    rules = routes_to(playbook).model_dump(mode="json", exclude_defaults=True)["rules"]
    for rule in rules:
        rule["match"] = [
            f'{m["label"]}{m["operator"]}"{m["value"]}"' for m in rule.get("match", [])
        ]
    return json.dumps({"rules": rules})


def test_a_wrong_file_keeps_the_process_from_starting(tmp_path: Path) -> None:
    """One sentence with the line, and no traceback."""
    routes = tmp_path / "routes.yaml"
    routes.write_text("rules:\n  - name: x\n    mode: yolo\n")
    environment = os.environ | {
        "PREFECT_API_URL": "http://127.0.0.1:1/api",
        "CCT_OPS_DATABASE_URL": "postgresql+psycopg:///nothing",
        "CCT_OPS_ROUTES_PATH": str(routes),
    }
    command = [sys.executable, "-m", "cct_ops.dispatcher"]
    attempt = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert attempt.returncode == 1
    assert attempt.stderr.startswith(f"dispatcher: {routes}:3: rules.0.mode: ")
    assert "Traceback" not in attempt.stderr


def test_a_claim_that_lost_its_lease_changes_nothing(engine: sa.Engine) -> None:
    """Whoever was slow must not overwrite what the next one did."""
    incident = opened(engine)
    slow = outbox.claim(engine, outbox.REMEDIATE, lease_seconds=0)
    fast = outbox.claim(engine, outbox.REMEDIATE, lease_seconds=30)
    assert slow is not None
    assert fast is not None
    assert outbox.claim(engine, outbox.REMEDIATE, lease_seconds=30) is None

    outbox.sent(engine, fast, rule="r", playbook="p", flow_run_id=UUID(int=1))
    outbox.postponed(engine, slow, 60, "late")
    outbox.hand_to_people(engine, slow, state="parked", rule="r", reason="late")

    assert state(engine, incident) == "sent"
    assert state(engine, incident, outbox.NOTICE) is None
