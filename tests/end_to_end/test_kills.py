"""A gateway that dies right after its 202 has kept its word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.models.run import incident_of
from tests.controller.running import Playbook, dispatching, routes_to, state
from tests.gateway.running import running
from tests.stack.polling import eventually

KILLS = 5
ALERT = {"status": "firing", "annotations": {}, "startsAt": "2026-11-23T23:29:46.931976Z"}
LABELS = {"alertname": "CanaryRolledBack", "route": "/daily-summary"}


def test_a_gateway_killed_after_its_202_loses_nothing_and_doubles_nothing(
    tmp_path: Path, ledger_url: SecretStr, engine: sa.Engine, playbook: Playbook
) -> None:
    """
    Each gateway dies with its answer, and the sender says the same to the next one.

    (The controller is killed ten times, between the run and its row, in tests/controller.)
    """
    playbook.deploy()
    incidents: list[str] = []
    again = b""
    for number in range(KILLS):
        alert = ALERT | {"labels": {**LABELS, "number": str(number)}}
        body = json.dumps({"version": "4", "status": "firing", "alerts": [alert]}).encode()
        with running(ledger_url.get_secret_value(), tmp_path / f"{number}.log") as gateway:
            if again:
                assert gateway.post(again).json()["duplicate"] is True
            answer = gateway.post(body)
            gateway.process.kill()
            assert gateway.process.wait(10) == -9
        assert answer.status_code == 202
        incidents += answer.json()["incidents"]
        again = body

    with dispatching(engine, playbook.api_url, routes_to(playbook.name)):
        eventually(lambda: [state(engine, UUID(each)) for each in incidents] == ["sent"] * KILLS)

    assert sorted(incident_for(run) for run in playbook.runs()) == sorted(incidents)


def incident_for(run: dict[str, Any]) -> str:
    """Which incident a run is for."""
    return str(incident_of(run["tags"]))
