"""Deliveries become incidents, each with one dispatch, whatever is repeated or raced."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from cct_ops.ledger.intake import deliveries as intake
from cct_ops.ledger.intake.deliveries import DeliveryStatus
from cct_ops.ledger.intake.tables import alerts, deliveries, dispatches, incidents
from cct_ops.models.alert import Alert
from tests.ledger.alerts import PULLED, firing, resolved

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SOURCE = "alertmanager"


def fires(starts: float = 0, **labels: str) -> Alert:
    """Return an alert that began so many seconds into the story."""
    named = {"alertname": "CanaryRolledBack"} | labels
    return firing(START + timedelta(seconds=starts), annotations=PULLED, **named)


def ends(starts: float, ends: float, **labels: str) -> Alert:
    """Return its end."""
    return resolved(fires(starts, **labels), START + timedelta(seconds=ends))


def rows(engine: sa.Engine, table: sa.Table) -> Sequence[sa.Row[tuple[object, ...]]]:
    """Return all rows of a table."""
    with engine.connect() as connection:
        return connection.execute(sa.select(table)).all()


def send(engine: sa.Engine, *received: Alert, source: str = SOURCE) -> intake.Receipt:
    """Record a body that was never sent before."""
    return intake.record(engine, source, uuid4().bytes, received)


def test_a_firing_alert_opens_an_incident_with_one_dispatch(engine: sa.Engine) -> None:
    """An incident and its run's request are one transaction."""
    receipt = send(engine, fires(route="/daily-summary"))

    (incident,) = rows(engine, incidents)
    (dispatch,) = rows(engine, dispatches)
    assert receipt.incidents == (incident.id,)
    assert (incident.state, incident.episode) == ("open", 1)
    assert incident.labels == {"alertname": "CanaryRolledBack", "route": "/daily-summary"}
    assert (dispatch.incident_id, dispatch.purpose, dispatch.state) == (
        incident.id,
        "remediate",
        "pending",
    )


def test_labels_alone_tell_incidents_apart(engine: sa.Engine) -> None:
    """Times and everything about the group are no identity."""
    receipt = send(engine, fires(i="1"), fires(i="2"), fires(starts=9, i="1"))

    assert len(receipt.incidents) == 2
    assert len(rows(engine, dispatches)) == 2


def test_sources_do_not_share_incidents(engine: sa.Engine) -> None:
    """The same labels from another sender are another thing."""
    send(engine, fires())
    send(engine, fires(), source="another")

    assert len(rows(engine, incidents)) == 2


def test_a_long_text_is_not_remembered(engine: sa.Engine) -> None:
    """Megabytes of thousands of alerts would stay in memory."""
    text = "x" * 100_000
    before = sys.getrefcount(text)
    send(engine, fires(note=text))
    gc.collect()

    assert sys.getrefcount(text) == before


def test_an_identical_body_is_a_copy_of_the_same_delivery(engine: sa.Engine) -> None:
    """A retry is counted, and adds no rows."""
    first = intake.record(engine, SOURCE, b"same", [fires()])
    again = intake.record(engine, SOURCE, b"same", [fires()])

    (delivery,) = rows(engine, deliveries)
    assert (first.duplicate, again.duplicate) == (False, True)
    assert (again.delivery_id, again.incidents) == (first.delivery_id, first.incidents)
    assert delivery.copies == 2
    assert len(rows(engine, alerts)) == len(rows(engine, dispatches)) == 1


def test_the_rule_judges_a_copy_like_any_other_delivery(engine: sa.Engine) -> None:
    """A sender's repetition is how we learn that an alert still fires."""
    send(engine, fires())
    assert intake.expire(engine, SOURCE, 0) == 1

    intake.record(engine, SOURCE, b"same", [fires()])
    intake.expire(engine, SOURCE, 0)
    receipt = intake.record(engine, SOURCE, b"same", [fires()])

    (incident,) = rows(engine, incidents)
    assert receipt.duplicate
    assert incident.state == "open"
    assert [row.verdict for row in rows(engine, alerts)] == ["opened", "reopened", "reopened"]
    assert len(rows(engine, dispatches)) == 1


def test_resolved_closes_and_a_later_start_is_a_new_episode(engine: sa.Engine) -> None:
    """A late copy joins the closed one; only a later start opens."""
    first = send(engine, fires(0))
    closing = send(engine, ends(0, 30))
    late = send(engine, fires(30))
    second = send(engine, fires(31))

    assert first.incidents == closing.incidents == late.incidents
    assert [(row.episode, row.state) for row in rows(engine, incidents)] == [
        (1, "closed"),
        (2, "open"),
    ]
    assert second.incidents != first.incidents
    assert len(rows(engine, dispatches)) == 2


def test_a_resolved_notice_of_nothing_known_is_only_recorded(engine: sa.Engine) -> None:
    """There is nothing to close and nothing to start."""
    assert send(engine, ends(0, 5)).incidents == ()

    (alert,) = rows(engine, alerts)
    assert (alert.verdict, alert.incident_id) == ("unknown", None)
    assert rows(engine, incidents) == []


def test_an_overtaken_notice_belongs_to_no_open_incident(engine: sa.Engine) -> None:
    """A lagging twin's old end does not close the new episode."""
    send(engine, fires(0), ends(0, 30), fires(31))

    assert send(engine, ends(0, 30)).incidents == ()
    assert rows(engine, incidents)[-1].state == "open"


def test_a_silent_incident_expires_and_a_new_start_is_a_new_episode(engine: sa.Engine) -> None:
    """A lost resolved notice blocks nothing for ever."""
    send(engine, fires())
    assert intake.expire(engine, SOURCE, 3600) == 0
    assert intake.expire(engine, "another", 0) == 0
    assert intake.expire(engine, SOURCE, 0) == 1

    soon = (datetime.now(UTC) - START).total_seconds() + 3600
    send(engine, fires(soon))

    assert [(row.closed_as, row.state) for row in rows(engine, incidents)] == [
        ("expired", "closed"),
        (None, "open"),
    ]


def test_what_was_not_understood_is_kept_as_it_came(engine: sa.Engine) -> None:
    """Quarantine keeps every byte."""
    receipt = intake.record(engine, SOURCE, b"\x00\xff", None, "not JSON")

    (delivery,) = rows(engine, deliveries)
    assert receipt.status is DeliveryStatus.QUARANTINED
    assert (delivery.body, delivery.status, delivery.note) == (
        b"\x00\xff",
        "quarantined",
        "not JSON",
    )


def test_a_nul_cannot_keep_an_alert_out(engine: sa.Engine) -> None:
    """PostgreSQL stores no NUL, so a visible character stands for it."""
    send(engine, fires(host="a\0b"))

    assert rows(engine, incidents)[0].labels["host"] == "a\N{REPLACEMENT CHARACTER}b"


def test_a_delivery_is_stored_whole_or_not_at_all(engine: sa.Engine) -> None:
    """A failure in the middle leaves no delivery that looks handled."""
    unstorable = fires(host="x").model_copy(update={"labels": {"host": "a\0b"}})
    with pytest.raises(sa.exc.DataError):
        send(engine, fires(), unstorable)

    assert rows(engine, deliveries) == rows(engine, incidents) == []


def in_parallel(count: int, work: Callable[[int], object]) -> None:
    """Run the work in so many threads that start at the same moment."""
    barrier = threading.Barrier(count)

    def start(number: int) -> None:
        barrier.wait(timeout=30)
        work(number)

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(start, number) for number in range(count)]:
            done.result(timeout=60)


def test_the_same_alert_from_twenty_sides_is_one_incident(engine: sa.Engine) -> None:
    """Gateways race, and one of them opens."""
    in_parallel(20, lambda number: send(engine, fires(starts=number)))

    (incident,) = rows(engine, incidents)
    assert incident.starts_at == START
    assert len(rows(engine, dispatches)) == 1
    assert sorted(row.verdict for row in rows(engine, alerts)) == ["opened"] + ["seen"] * 19


def test_the_same_alerts_in_opposite_orders_do_not_deadlock(engine: sa.Engine) -> None:
    """Locks are taken in one order, whatever the body's is."""
    group = [fires(i=str(number)) for number in range(300)]
    orders = [group, group[::-1]]
    in_parallel(8, lambda number: send(engine, *orders[number % 2]))

    assert len(rows(engine, incidents)) == len(rows(engine, dispatches)) == 300


@settings(
    max_examples=40,
    deadline=None,
    # Each example has a source of its own, so the shared ledger is no shared state.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_twins_that_lag_and_repeat_give_one_incident_per_episode(
    engine: sa.Engine, data: st.DataObject
) -> None:
    """The oracle is what really happened, not the rule: true episodes, reported by two senders."""
    source, count = f"twins-{uuid4().hex}", data.draw(st.integers(1, 4), label="episodes")
    truth = [
        (fires(100 * number), ends(100 * number, 100 * number + 50)) for number in range(count)
    ]
    story = [notice for episode in truth for notice in episode]
    reported = [0, 0]  # how far each twin is in the story; each reports it in order
    heard: list[Alert] = []
    for _ in range(data.draw(st.integers(1, 30), label="steps")):
        step = data.draw(st.sampled_from(["first twin", "second twin", "an old copy"]))
        if step == "an old copy" and heard:
            notice = data.draw(st.sampled_from(heard))
        else:
            twin = int(step == "second twin")
            if reported[twin] == len(story):
                continue
            notice = story[reported[twin]]
            reported[twin] += 1
            heard.append(notice)
        # Replicas disagree about the start by a few seconds, in either direction.
        jitter = timedelta(seconds=data.draw(st.integers(-20, 20)))
        send(
            engine,
            notice.model_copy(update={"starts_at": notice.starts_at + jitter}),
            source=source,
        )

    with engine.connect() as connection:
        states = connection.scalars(
            sa.select(incidents.c.state)
            .where(incidents.c.source == source)
            .order_by(incidents.c.episode)
        ).all()
    expected = ["closed" if end in heard else "open" for start, end in truth if start in heard]
    assert states == expected
