"""More incidents than can be handled one by one: what they share is diagnosed and reported once."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from cct_ops.ledger.intake import grouping, outbox
from cct_ops.ledger.intake.grouping import GroupingLimits
from cct_ops.ledger.intake.inbox import count_backlog
from cct_ops.ledger.intake.tables import dispatches
from tests.controller.running import Playbook, dispatch, dispatching, routes_to, state
from tests.ledger.alerts import opened
from tests.stack.polling import eventually

ROUTES = ("/daily-summary", "/pre-market-briefing", "/weekly-review")


def settled(engine: sa.Engine) -> Counter[str]:
    """Count the rows that were to start runs, by their state."""
    with engine.connect() as connection:
        states = sa.select(dispatches.c.state).where(dispatches.c.purpose == outbox.REMEDIATE)
        return Counter(connection.scalars(states))


def test_a_burst_gets_one_diagnosis_for_each_group(engine: sa.Engine, playbook: Playbook) -> None:
    """It changes nothing; every other incident says where to look, and people are notified."""
    playbook.deploy()
    incidents = [opened(engine, route=ROUTES[n % 2]) for n in range(40)]
    unrouted = [opened(engine, alertname="Other") for _ in range(5)]
    assert count_backlog(engine)["dispatches pending"] == 45
    with dispatching(engine, playbook.api_url, routes_to(playbook.name, incidents=10, runs=3)):
        eventually(lambda: settled(engine)["pending"] == 0, seconds=60)

    runs = playbook.runs()
    assert settled(engine) == {"sent": 2, "grouped": 42, "notified": 1}
    assert {run["parameters"]["target"] for run in runs} == set(ROUTES[:2])  # type: ignore[index]
    assert {run["parameters"]["mode"] for run in runs} == {"observe"}  # type: ignore[index]
    assert all("burst" in run["tags"] for run in runs)  # type: ignore[operator]
    notified = [each for each in incidents + unrouted if state(engine, each, outbox.NOTICE)]
    assert len(notified) == 3
    grouped = next(each for each in incidents if state(engine, each) == "grouped")
    row = dispatch(engine, grouped)
    assert row is not None
    assert "is diagnosed" in row.note
    assert outbox.requeue(engine, row.incident_id) == outbox.REMEDIATE


def test_groups_beyond_the_bound_get_no_run(engine: sa.Engine, playbook: Playbook) -> None:
    """A burst of different things is a burst as well."""
    playbook.deploy()
    for n in range(30):
        opened(engine, route=ROUTES[n % 3])
    with dispatching(engine, playbook.api_url, routes_to(playbook.name, incidents=10, runs=1)):
        eventually(lambda: settled(engine)["pending"] == 0, seconds=60)

    assert settled(engine) == {"sent": 1, "dead-lettered": 1, "grouped": 28}
    assert len(playbook.runs()) == 1


def test_a_burst_ends_after_a_calm(engine: sa.Engine) -> None:
    """And begins at the same number that it ends at."""
    limits = GroupingLimits(incidents=3, within_seconds=3600, calm_seconds=3600)
    for _ in range(3):
        opened(engine)
    assert grouping.begin_or_end(engine, limits) is None
    opened(engine)
    burst = grouping.begin_or_end(engine, limits)

    assert burst is not None
    assert grouping.begin_or_end(engine, limits) == burst
    calm = limits.model_copy(update={"calm_seconds": 0.000001, "incidents": 4})
    assert grouping.begin_or_end(engine, calm) is None
