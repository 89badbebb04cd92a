"""A copy acts once, and what happens again acts again: told apart by the sender's own words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from cct_ops.ledger.intake.tables import deliveries, dispatches, incidents
from tests.gateway.delivering import count, episodes, later, take, verdicts

# -- CloudEvents without a time ----------------------------------------------------------------


def event(kind: str, number: int, **more: object) -> dict[str, object]:
    """Return an event that carries no time, as the specification allows."""
    named = {"specversion": "1.0", "id": f"e{number}", "source": "/s", "subject": "thing"}
    return named | {"type": kind, "data": {"name": "X"}} | more


@pytest.mark.parametrize(
    ("third", "expected"),
    [
        (event("open", 1), [(1, "resolved")]),
        (event("open", 1, extra="x"), [(1, "resolved")]),
        (event("open", 3), [(1, "resolved"), (2, None)]),
    ],
    ids=["a copy", "known by source and id whatever its bytes", "another, with an id of its own"],
)
def test_of_events_without_a_time_only_another_one_is_news(
    engine: sa.Engine, third: dict[str, object], expected: list[tuple[int, str | None]]
) -> None:
    """The moment of receipt is no word of the sender's; a copy starts nothing after the end."""
    for each in (event("open", 1), event("closed", 2), third):
        take(engine, "cloudevents", each)

    assert episodes(engine) == expected
    assert count(engine, dispatches) == len(expected)


def test_an_event_in_another_batch_is_the_event_that_was_heard(engine: sa.Engine) -> None:
    """A batch is how events travelled, and says nothing about them."""
    take(engine, "cloudevents", [event("open", 1)])
    take(engine, "cloudevents", event("closed", 2))
    take(engine, "cloudevents", [event("open", 1), event("open", 4, subject="other")])

    assert [closed for _, closed in episodes(engine)] == ["resolved", None]
    assert count(engine, dispatches) == 2


@pytest.mark.parametrize("missing", ["id", "source", "type", "specversion"])
@pytest.mark.parametrize("given", [None, "", 7])
def test_nothing_is_invented_for_an_event(engine: sa.Engine, missing: str, given: object) -> None:
    """The specification requires these, and what is made up differs with each copy."""
    lacking = event("open", 1) | {missing: given}
    if given is None:
        del lacking[missing]
    for _ in range(2):
        take(engine, "cloudevents", lacking)
        take(engine, "cloudevents", [lacking])

    assert count(engine, incidents) == 0
    with engine.connect() as connection:
        rows = connection.execute(sa.select(deliveries.c.status, deliveries.c.note)).all()
    assert {row.status for row in rows} == {"quarantined"}
    assert all(missing in row.note for row in rows)


# -- a later start is a new episode, however the last one ended ---------------------------------


def fires(at: datetime, status: str = "firing", ends: datetime | None = None) -> dict[str, object]:
    """Return what an Alertmanager, or Grafana, sends."""
    alert: dict[str, object] = {"status": status, "labels": {"alertname": "X"}}
    alert["startsAt"] = at.isoformat()
    if ends is not None:
        alert["endsAt"] = ends.isoformat()
    return {"version": "4", "alerts": [alert]}


NOW = datetime.now(UTC)
FIRST = NOW - timedelta(hours=3)
SECOND = NOW - timedelta(minutes=1)


@pytest.mark.parametrize("name", ["alertmanager", "grafana"])
def test_a_start_after_our_last_sight_is_a_new_episode(engine: sa.Engine, name: str) -> None:
    """Its end was never reported: send_resolved is false, or it was killed meanwhile."""
    take(engine, name, fires(FIRST))
    later(engine, 2 * 3600)
    take(engine, name, fires(SECOND))
    take(engine, name, fires(SECOND))  # and its copy

    assert episodes(engine) == [(1, "superseded"), (2, None)]
    assert count(engine, dispatches) == 2
    assert verdicts(engine) == ["opened", "opened"]


def test_what_is_shown_of_the_episode_before_is_late(engine: sa.Engine) -> None:
    """Neither a twin's lagging notice nor its end touch the one that is open."""
    take(engine, "alertmanager", fires(FIRST))
    later(engine, 2 * 3600)
    take(engine, "alertmanager", fires(SECOND))
    take(engine, "alertmanager", fires(FIRST) | {"twin": 1})
    take(engine, "alertmanager", fires(FIRST, "resolved", FIRST + timedelta(hours=1)))

    assert episodes(engine) == [(1, "superseded"), (2, None)]
    assert verdicts(engine) == ["opened", "opened", "late", "late"]


def sighted(engine: sa.Engine, at: datetime) -> None:
    """Let that be when everything was seen last."""
    with engine.begin() as connection:
        connection.execute(sa.update(incidents).values(last_seen_at=at))


def by(half: str, at: datetime) -> dict[str, object]:
    """Return what one half of a pair sends."""
    return fires(at) | {"externalURL": f"http://{half}:9093"}


def test_twins_that_disagree_by_an_evaluation_report_one_episode(engine: sa.Engine) -> None:
    """The second replica noticed it only after the first one's notice had come here."""
    take(engine, "alertmanager", by("one", NOW - timedelta(seconds=70)))
    sighted(engine, NOW - timedelta(seconds=40))
    take(engine, "alertmanager", by("other", NOW - timedelta(seconds=20)))

    assert episodes(engine) == [(1, None)]
    assert verdicts(engine) == ["opened", "seen"]


@pytest.mark.parametrize("half", ["one", "other"])
def test_who_reported_an_episode_and_then_a_later_start_reports_another(
    engine: sa.Engine, half: str
) -> None:
    """However soon it fires again: an Alertmanager moves a start only back."""
    take(engine, "alertmanager", by("one", NOW - timedelta(seconds=100)))
    take(engine, "alertmanager", by("other", NOW - timedelta(seconds=95)))
    sighted(engine, NOW - timedelta(seconds=40))
    take(engine, "alertmanager", by(half, NOW - timedelta(seconds=30)))
    twin = "other" if half == "one" else "one"
    take(engine, "alertmanager", by(twin, NOW - timedelta(seconds=25)))

    assert episodes(engine) == [(1, "superseded"), (2, None)]
    assert verdicts(engine) == ["opened", "seen", "opened", "seen"]


def test_a_later_start_that_precedes_our_last_sight_is_the_same_episode(engine: sa.Engine) -> None:
    """An Alertmanager that was started anew, or its twin: it fired all the time."""
    take(engine, "alertmanager", fires(FIRST))
    take(engine, "alertmanager", fires(FIRST + timedelta(hours=1)))

    assert episodes(engine) == [(1, None)]


def test_an_incident_of_pagerduty_that_is_reopened_while_open_here_is_another_episode(
    engine: sa.Engine,
) -> None:
    """Its end did not come through, and PagerDuty itself says that there was one."""

    def body(kind: str, number: int, status: str = "triggered") -> dict[str, object]:
        at = (NOW - timedelta(minutes=10 - number)).isoformat()
        data = {"type": "incident", "id": "P1", "status": status, "title": "t"}
        event = {"id": f"E{number}", "event_type": f"incident.{kind}", "occurred_at": at}
        return {"event": event | {"data": data}}

    take(engine, "pagerduty", body("triggered", 1))
    sighted(engine, NOW - timedelta(minutes=8))
    for each in (
        body("reopened", 5),
        body("reopened", 5),
        body("resolved", 4, "resolved"),
        body("acknowledged", 6, "acknowledged"),
    ):
        take(engine, "pagerduty", each)

    assert episodes(engine) == [(1, "superseded"), (2, None)]
    assert count(engine, dispatches) == 2


# -- An end that comes before its start ----------------------------------------------------------


def _of_monitor(firing: bool, at: str) -> object:
    return {"state": "open" if firing else "closed", "id": 1, "at": at, "name": "X"}


def _of_alertmanager(firing: bool, at: str) -> object:
    times = {"startsAt": at} if firing else {"startsAt": "2026-11-23T09:59:59Z", "endsAt": at}
    alert = {"status": "firing" if firing else "resolved", "labels": {"alertname": "X"}}
    return {"version": "4", "alerts": [alert | times]}


def _of_pagerduty(firing: bool, at: str) -> object:
    data = {"type": "incident", "id": "P1", "status": "triggered" if firing else "resolved"}
    kind = "incident.reopened" if firing else "incident.resolved"
    return {"event": {"id": at, "event_type": kind, "occurred_at": at, "data": data}}


def _of_github(firing: bool, at: str) -> object:
    run = {"id": 1, "conclusion": "failure" if firing else "success", "completed_at": at}
    return {"action": "completed", "check_run": run, "repository": {"id": 1, "full_name": "o/r"}}


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("standard", _of_monitor),
        ("alertmanager", _of_alertmanager),
        ("grafana", _of_alertmanager),
        ("pagerduty", _of_pagerduty),
        ("github", _of_github),
    ],
)
def test_a_start_that_its_end_overtook_starts_nothing(
    engine: sa.Engine, source: str, body: Callable[[bool, str], object]
) -> None:
    """A start that was delivered late is over, and must not stand in the way of the next one."""
    for firing, at in ((False, "10:05:00"), (True, "10:00:00"), (True, "10:10:00")):
        take(engine, source, body(firing, f"2026-11-23T{at}Z"))

    assert verdicts(engine) == ["unknown", "late", "opened"]
    assert count(engine, dispatches) == 1


def test_an_end_that_overtook_a_later_start_is_remembered_too(engine: sa.Engine) -> None:
    """Of a thing that was heard of before."""
    for firing, at in ((True, "10"), (False, "20"), (False, "40"), (True, "30"), (True, "50")):
        take(engine, "standard", _of_monitor(firing, f"2026-11-23T10:{at}:00Z"))

    assert verdicts(engine) == ["opened", "closed", "unknown", "late", "opened"]


def test_an_end_in_the_future_keeps_nothing_silent(engine: sa.Engine) -> None:
    """A clock that is wrong must not swallow what begins until then."""
    ahead = datetime.now(UTC) + timedelta(days=300)
    take(engine, "standard", _of_monitor(False, ahead.isoformat()))
    take(engine, "standard", _of_monitor(True, datetime.now(UTC).isoformat()))

    assert verdicts(engine) == ["unknown", "opened"]
