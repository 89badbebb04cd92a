"""Bodies that a real Alertmanager 0.25 sent, and that others captured or published."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.gateway.app import incoming_of
from cct_ops.gateway.senders import alertmanager
from cct_ops.gateway.senders.parsed_delivery import UnknownShape
from cct_ops.ledger.intake import deliveries as intake
from cct_ops.ledger.intake.tables import alerts, deliveries, incidents
from cct_ops.models.alert import AlertStatus
from tests.gateway.delivering import episodes, verdicts
from tests.gateway.signing import PAYLOADS, SOURCES, Sent, sign

CAPTURED = PAYLOADS / "alertmanager"

captured = pytest.mark.skipif(
    not PAYLOADS.is_dir(), reason="the captured bodies are not beside the checkout"
)


def body(name: str) -> bytes:
    """Return one captured body."""
    return (CAPTURED / f"captured-{name}.json").read_bytes()


def take_in(engine: sa.Engine, name: str) -> list[str]:
    """Take a captured body in, and return what its alerts did."""
    reading = alertmanager.read(body(name))
    intake.record(engine, "alertmanager", uuid4().bytes, reading.alerts, reading.note)
    return list(verdicts(engine)[-len(reading.alerts) :])


@captured
def test_each_alert_has_its_own_status() -> None:
    """The group is called firing while one of its alerts is resolved."""
    read = alertmanager.read(body("mixed-one-resolved")).alerts

    assert [each.status for each in read] == [
        AlertStatus.RESOLVED,
        AlertStatus.FIRING,
        AlertStatus.FIRING,
    ]
    assert read[0].starts_at == datetime(2026, 11, 23, 23, 29, 46, 931976, tzinfo=UTC)
    assert read[0].ends_at == datetime(2026, 11, 23, 23, 30, 6, 956802, tzinfo=UTC)
    assert [each.ends_at for each in read[1:]] == [None, None]


@captured
def test_one_group_from_its_first_notice_to_its_last(engine: sa.Engine) -> None:
    """The whole group is sent again whenever one alert changes; only the change counts."""
    assert take_in(engine, "firing-group-of-2") == ["opened", "opened"]
    assert take_in(engine, "firing-third-alert-joined") == ["seen", "seen", "opened"]
    assert take_in(engine, "mixed-one-resolved") == ["closed", "seen", "seen"]
    assert set(take_in(engine, "resolved-all")) == {"closed"}

    assert {closed_as for _, closed_as in episodes(engine)} == {"resolved"}


@captured
def test_a_start_that_moves_back_is_the_same_incident(engine: sa.Engine) -> None:
    """Another replica reported an earlier start; the earliest is kept."""
    assert take_in(engine, "startsAt-before") == ["opened"]
    assert take_in(engine, "startsAt-moved-back") == ["seen"]

    with engine.connect() as connection:
        (starts_at,) = connection.scalars(sa.select(incidents.c.starts_at))
    assert starts_at == datetime(2026, 11, 23, 23, 29, 16, 931976, tzinfo=UTC)


@captured
def test_alerts_that_the_sender_left_out_are_noted() -> None:
    """They are lost to us until it is told to send them all."""
    reading = alertmanager.read(body("truncated-2-of-5"))

    assert len(reading.alerts) == 2
    assert reading.note is not None
    assert "left out 3 alerts" in reading.note


def test_the_reason_does_not_repeat_the_body() -> None:
    """The note is shown where the body is not."""
    with pytest.raises(UnknownShape) as caught:
        alertmanager.read(b'{"version": "4", "alerts": [{"status": "secret-word"}]}')

    assert str(caught.value) == "alerts.0.status: Input should be 'firing' or 'resolved'"


# Each captured or published body by itself: its source, and what its alerts do.
BODIES: dict[str, tuple[str, dict[str, int]]] = {
    "alertmanager/captured-firing-group-of-2.json": ("alertmanager", {"opened": 2}),
    "alertmanager/captured-firing-third-alert-joined.json": ("alertmanager", {"opened": 3}),
    "alertmanager/captured-mixed-one-resolved.json": ("alertmanager", {"opened": 2, "unknown": 1}),
    "alertmanager/captured-resolved-all.json": ("alertmanager", {"unknown": 2}),
    "alertmanager/captured-startsAt-before.json": ("alertmanager", {"opened": 1}),
    "alertmanager/captured-startsAt-moved-back.json": ("alertmanager", {"opened": 1}),
    "alertmanager/captured-truncated-2-of-5.json": ("alertmanager", {"opened": 2}),
    "github/check_run-completed-failure.json": ("github", {"opened": 1}),
    "github/ping.json": ("github", {}),
    "grafana/oncall-example-firing-3-alerts.json": ("grafana", {"opened": 3}),
    "pagerduty/incident.priority_updated-signed.json": ("pagerduty", {"opened": 1}),
}


@captured
def test_every_captured_and_published_body_opens_the_right_incidents(engine: sa.Engine) -> None:
    """All that there are; each is taken in as if its source had never said anything."""
    found = {str(path.relative_to(PAYLOADS)) for path in PAYLOADS.rglob("*.json")}
    assert found == BODIES.keys()
    for file, (name, did) in BODIES.items():
        body = (PAYLOADS / file).read_bytes()
        event = {"x_github_event": "ping"} if file == "github/ping.json" else {}
        request = Sent(SOURCES[name], sign(name, body), body).but(**event)
        assert request.admitted
        incoming = incoming_of(file, request.source, request.received, "KEY")
        assert incoming.alerts is not None, (file, incoming.note)
        intake.record_all(engine, [incoming])
        with engine.connect() as connection:
            mine = sa.select(alerts.c.verdict).join(deliveries).where(deliveries.c.source == file)
            assert Counter(connection.scalars(mine)) == did, file

    with engine.connect() as connection:
        rows = connection.execute(sa.select(incidents.c.source, incidents.c.labels)).all()
    names = {(row.source.partition("/")[0], row.labels["alertname"]) for row in rows}
    assert names >= {
        ("grafana", "InstanceDown"),
        ("pagerduty", "PagerDutyIncident"),
        ("github", "CheckRunFailed"),
    }
    assert {row.labels.get("priority") for row in rows if "pagerduty" in row.source} == {"P1"}
