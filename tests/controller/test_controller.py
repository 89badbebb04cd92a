"""From an incident to exactly one run in a real Prefect, or to people."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.intake import deliveries, outbox
from cct_ops.ledger.schema import metadata
from tests.conftest import ROOT
from tests.controller.running import Playbook, dispatch, dispatching, routes_to, state
from tests.ledger.alerts import firing, opened
from tests.stack.polling import eventually


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
    assert run["parameters"] == {"target": "/daily-summary", "mode": "auto"}
    given = {f"incident:{incident}", "rule:rolled-back", "source:alertmanager"}
    assert set(run["tags"]) == given  # type: ignore[call-overload]


def test_a_notification_wakes_it(engine: sa.Engine, playbook: Playbook) -> None:
    """An incident does not wait for the next poll."""
    playbook.deploy()
    with dispatching(engine, playbook.api_url, routes_to(playbook.name), poll_seconds=3600):
        first = opened(engine)
        eventually(lambda: state(engine, first) == "sent")
        second = opened(engine)
        eventually(lambda: state(engine, second) == "sent")


def test_several_controllers_share_the_work(engine: sa.Engine, playbook: Playbook) -> None:
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


def test_an_unknown_playbook_is_set_aside_and_shown(engine: sa.Engine, playbook: Playbook) -> None:
    """No repetition deploys it; once a person did, the row can be given another chance."""
    incident = opened(engine)
    with dispatching(engine, playbook.api_url, routes_to(playbook.name)):
        eventually(lambda: state(engine, incident, outbox.NOTICE) == "notified")
        row = dispatch(engine, incident)
        assert row is not None
        assert row.state == "dead-lettered"
        assert f"Prefect knows no deployment {playbook.name}" in row.note

        playbook.deploy()
        assert outbox.requeue(engine, incident) == outbox.REMEDIATE
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
        eventually(lambda: state(engine, incident) == "dead-lettered")

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
        eventually(lambda: state(engine, bad) == "dead-lettered")

    row = dispatch(engine, bad)
    assert row is not None
    assert row.note == f"{playbook.name} was not started: label route is not a route of CCT"
    assert len(playbook.runs()) == 1


def test_the_process_starts_runs_and_stops_when_asked_to(
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
    command = [sys.executable, "-m", "cct_ops.controller"]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "controller: ready\n", log.name
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
            f'{m["label"]}{m["operator"]}"{m["value"]}"'
            for entry in rule.get("match", [])
            for m in entry["matchers"]
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
    command = [sys.executable, "-m", "cct_ops.controller"]
    attempt = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert attempt.returncode == 1
    assert attempt.stderr.startswith(f"controller: {routes}:3: rules.0.mode: ")
    assert "Traceback" not in attempt.stderr


NOW = datetime.now(UTC)


def arrive(engine: sa.Engine, began: datetime) -> None:
    """Let the alert come in, have its run, and see it through."""
    alert = firing(began, alertname="CanaryRolledBack", route="/daily-summary")
    (incident,) = deliveries.record(engine, "alertmanager", uuid4().bytes, [alert]).incidents
    eventually(lambda: state(engine, incident) == "sent", seconds=60)


def forget(engine: sa.Engine) -> None:
    """Set the ledger back to when it was empty."""
    with engine.begin() as connection:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        connection.execute(sa.text(f"truncate {names} cascade"))


def test_what_comes_again_after_a_restore_finds_its_run(
    engine: sa.Engine, playbook: Playbook
) -> None:
    """The same episode has the same name and the same run; another one has its own."""
    playbook.deploy()
    with dispatching(engine, playbook.api_url, routes_to(playbook.name)):
        arrive(engine, NOW)
        forget(engine)
        arrive(engine, NOW)
        assert len(playbook.runs()) == 1
        forget(engine)
        arrive(engine, NOW + timedelta(seconds=1))
    assert len(playbook.runs()) == 2
