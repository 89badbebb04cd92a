"""A real Alertmanager, or two that do not know of each other: one episode, one run."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.intake.tables import deliveries, incidents
from cct_ops.stack.postgres import free_port
from tests.controller.running import Playbook, dispatching, routes_to
from tests.gateway.running import KEY, Gateway, running
from tests.plain import HTTP
from tests.stack.polling import eventually

PROGRAM = shutil.which("prometheus-alertmanager")
LABELS = {"alertname": "CanaryRolledBack", "route": "/daily-summary"}

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="prometheus-alertmanager is not installed")


@dataclass(frozen=True)
class Alertmanager:
    """A running Alertmanager that repeats itself every second."""

    url: str
    process: subprocess.Popen[bytes]

    def post(self, starts_at: datetime, ends_at: datetime | None = None) -> None:
        """Tell it about the alert, as Prometheus does."""
        alert = {"labels": LABELS, "startsAt": starts_at.isoformat()}
        if ends_at is not None:
            alert["endsAt"] = ends_at.isoformat()
        HTTP.post(f"{self.url}/api/v2/alerts", json=[alert]).raise_for_status()

    def answers(self) -> bool:
        """Whether it has started."""
        try:
            return HTTP.get(f"{self.url}/-/ready").is_success
        except httpx.TransportError:
            return False


@contextmanager
def alertmanager(gateway: Gateway, folder: Path) -> Iterator[Alertmanager]:
    """Start one that is in no cluster and sends to the gateway."""
    folder.mkdir()
    config = {
        "route": {
            "receiver": "cct-ops",
            "group_wait": "0s",
            "group_interval": "1s",
            "repeat_interval": "1s",
        },
        "receivers": [
            {
                "name": "cct-ops",
                "webhook_configs": [
                    {
                        "url": f"{gateway.sender.base_url}/hooks/alertmanager",
                        "max_alerts": 0,
                        "http_config": {"authorization": {"credentials": KEY}},
                    }
                ],
            }
        ],
    }
    (folder / "alertmanager.yml").write_text(json.dumps(config))  # JSON is YAML
    address = f"127.0.0.1:{free_port()}"
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [
                str(PROGRAM),
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            started = Alertmanager(f"http://{address}", process)
            eventually(started.answers)
            yield started
        finally:
            process.kill()


@dataclass(frozen=True)
class Way:
    """From two Alertmanagers to a playbook's runs."""

    one: Alertmanager
    other: Alertmanager
    engine: sa.Engine
    playbook: Playbook

    def deliveries(self) -> int:
        """How many times the gateway was told something."""
        with self.engine.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.sum(deliveries.c.copies))) or 0)

    def incidents(self) -> list[sa.Row[tuple[str, datetime]]]:
        """All incidents, oldest first."""
        with self.engine.connect() as connection:
            return list(
                connection.execute(
                    sa.select(incidents.c.state, incidents.c.starts_at).order_by(
                        incidents.c.episode
                    )
                )
            )

    def repeats(self, times: int) -> None:
        """Wait until so many more deliveries have come."""
        wanted = self.deliveries() + times
        eventually(lambda: self.deliveries() >= wanted, seconds=30)

    def runs(self) -> int:
        """How many runs Prefect has."""
        return len(self.playbook.runs())


@pytest.fixture
def way(
    tmp_path: Path, ledger_url: SecretStr, engine: sa.Engine, playbook: Playbook
) -> Iterator[Way]:
    """Two Alertmanagers, a gateway, a controller and Prefect, all real."""
    playbook.deploy()
    with (
        running(ledger_url.get_secret_value(), tmp_path / "gateway.log") as gateway,
        dispatching(engine, playbook.api_url, routes_to(playbook.name)),
        alertmanager(gateway, tmp_path / "one") as one,
        alertmanager(gateway, tmp_path / "other") as other,
    ):
        yield Way(one, other, engine, playbook)


def test_however_often_it_is_told_one_episode_is_one_run(way: Way) -> None:
    """Repeats, a twin that sends the same, a start that moves back, and the death of one."""
    began = datetime.now(UTC)
    way.one.post(began)
    eventually(lambda: way.runs() == 1)
    way.repeats(2)
    way.other.post(began)
    way.repeats(4)

    earlier = began - timedelta(minutes=1)
    way.one.post(earlier)
    eventually(lambda: [row.starts_at for row in way.incidents()] == [earlier])
    way.repeats(2)

    way.one.process.kill()
    way.repeats(2)

    assert [row.state for row in way.incidents()] == ["open"]
    assert way.runs() == 1


def test_resolved_and_fired_again_is_exactly_one_more_run(way: Way) -> None:
    began = datetime.now(UTC)
    for each in (way.one, way.other):
        each.post(began)
    eventually(lambda: way.runs() == 1)
    way.repeats(2)

    over = datetime.now(UTC)
    for each in (way.one, way.other):
        each.post(began, ends_at=over)
    eventually(lambda: [row.state for row in way.incidents()] == ["closed"])

    again = datetime.now(UTC)
    for each in (way.one, way.other):
        each.post(again)
    eventually(lambda: way.runs() == 2)
    way.repeats(4)

    assert [row.state for row in way.incidents()] == ["closed", "open"]
    assert way.runs() == 2
