"""What the cluster works on: what was sent, and how it ended by the ledger."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from random import Random
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.intake.tables import dispatches
from cct_ops.sandbox.control import SandboxControl
from evaluation.cluster.episodes import GIVEN_UP_SECONDS, PER_BODY, Episode, Episodes
from tests.evaluation.cluster.rows import ROUTE, ended, opened


@pytest.fixture
def episodes(engine: sa.Engine) -> Episodes:
    """None so far, of a CCT that nobody asks."""
    random = Random(1)  # noqa: S311 -- a load, no secret
    return Episodes(SandboxControl("http://127.0.0.1:9"), engine, 1.0, 0.25, random)


def begun(number: int, *, sent: bool = True) -> Episode:
    """Return one that an alert was sent about, or not yet."""
    now = datetime.now(UTC)
    return Episode(number, ROUTE, now, time.monotonic(), sent_at=now if sent else None)


def test_its_outcome_is_that_of_the_run_that_works_on_it_now(
    engine: sa.Engine, episodes: Episodes
) -> None:
    """A run that died has an account too, and another one took its place."""
    episodes.all.append(begun(0))
    died, follows = uuid4(), uuid4()
    row = {"id": uuid4(), "incident_id": opened(engine, 0), "purpose": "remediate"}
    with engine.begin() as tx:
        tx.execute(sa.insert(dispatches).values(**row, state="sent", flow_run_id=follows))
    ended(engine, died)

    episodes.look()
    assert [each.number for each in episodes.open()] == [0]

    ended(engine, follows)
    episodes.look()
    assert episodes.open() == []
    assert episodes.all[0].outcome == "Resolved"


def test_what_no_alert_was_sent_about_is_nobody_s_to_repair(episodes: Episodes) -> None:
    episodes.all += [begun(0), begun(1, sent=False)]

    assert [each.number for each in episodes.open()] == [0]
    assert "episode-1" not in episodes.sent()


def test_each_that_is_open_has_its_turn_beside_one_new_thing(episodes: Episodes) -> None:
    episodes.all += [begun(number, sent=False) for number in range(2 * PER_BODY)]
    deliveries = episodes.bodies(threading.Event())

    named: list[str] = []
    for number in range(3):
        alerts = json.loads(next(deliveries))["alerts"]
        instances = [alert["labels"]["instance"] for alert in alerts]
        assert (len(instances), instances[0]) == (PER_BODY, f"disk-{number}")
        named += instances

    assert {each.name for each in episodes.all} <= set(named)
    assert len(episodes.sent()) == 2 * PER_BODY + 3


def test_one_that_is_given_up_is_told_of_no_more(episodes: Episodes) -> None:
    episodes.all += [begun(number) for number in range(2)]
    episodes.all[0].began -= GIVEN_UP_SECONDS

    alerts = json.loads(next(episodes.bodies(threading.Event())))["alerts"]
    instances = {alert["labels"]["instance"] for alert in alerts}

    assert "episode-1" in instances
    assert "episode-0" not in instances
