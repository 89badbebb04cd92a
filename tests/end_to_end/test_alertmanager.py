"""A real Alertmanager, or two that do not know of each other: one episode, one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.intake.tables import deliveries, incidents
from evaluation.soak.twins import BINARY, Alertmanager, alertmanagers
from tests.controller.running import Playbook, dispatching, routes_to
from tests.gateway.running import KEY, running
from tests.stack.polling import eventually

pytestmark = pytest.mark.skipif(BINARY is None, reason="prometheus-alertmanager is not installed")

ALERT = "CanaryRolledBack"


@dataclass(frozen=True)
class Way:
    """From two Alertmanagers to a playbook's runs."""

    one: Alertmanager
    other: Alertmanager
    engine: sa.Engine
    playbook: Playbook

    def deliveries(self) -> int:
        """How many times something was sent to the gateway."""
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
        alertmanagers(
            tmp_path, 2, f"{gateway.sender.base_url}/hooks/alertmanager", KEY, repeat="1s"
        ) as (one, other),
    ):
        yield Way(one, other, engine, playbook)


def test_however_often_it_is_reported_one_episode_is_one_run(way: Way) -> None:
    """Repeats, a twin that sends the same, a start that moves back, and the death of one."""
    began = datetime.now(UTC)
    way.one.post(ALERT, began=began)
    eventually(lambda: way.runs() == 1)
    way.repeats(2)
    way.other.post(ALERT, began=began)
    way.repeats(4)

    earlier = began - timedelta(minutes=1)
    way.one.post(ALERT, began=earlier)
    eventually(lambda: [row.starts_at for row in way.incidents()] == [earlier])
    way.repeats(2)

    way.one.kill()
    way.repeats(2)

    assert [row.state for row in way.incidents()] == ["open"]
    assert way.runs() == 1


def test_resolved_and_fired_again_is_exactly_one_more_run(way: Way) -> None:
    began = datetime.now(UTC)
    for each in (way.one, way.other):
        each.post(ALERT, began=began)
    eventually(lambda: way.runs() == 1)
    way.repeats(2)

    over = datetime.now(UTC)
    for each in (way.one, way.other):
        each.post(ALERT, began=began, ended=over)
    eventually(lambda: [row.state for row in way.incidents()] == ["closed"])

    again = datetime.now(UTC)
    for each in (way.one, way.other):
        each.post(ALERT, began=again)
    eventually(lambda: way.runs() == 2)
    way.repeats(4)

    assert [row.state for row in way.incidents()] == ["closed", "open"]
    assert way.runs() == 2
