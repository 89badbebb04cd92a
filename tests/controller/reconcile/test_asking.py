"""PagerDuty is asked for what did not arrive; a mute sender is an incident."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from pydantic import HttpUrl

from cct_ops.config.sources import (
    AlertmanagerReconciliation,
    KeyReference,
    Reconciliation,
    Watchdog,
)
from cct_ops.controller.reconcile import alertmanager, pagerduty, watchdog
from cct_ops.controller.reconcile.github import Deliveries
from cct_ops.errors import ContractBroken, OpsError, Rejected, Unavailable
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.tables import incidents
from tests.controller.wire import Answer, Request, Wire, wire
from tests.gateway.delivering import later, verdicts
from tests.ledger.alerts import firing

NOW = datetime.now(UTC)


@pytest.fixture
def sender() -> Iterator[Wire]:
    """Stand where the sender's API is."""
    with wire(lambda _: Answer(404, b"{}")) as server:
        yield server


@pytest.fixture
def asked(sender: Wire, monkeypatch: pytest.MonkeyPatch) -> Reconciliation:
    """Where and how it is asked."""
    monkeypatch.setenv("API_KEY", "a-key-of-ours")
    return Reconciliation(url=HttpUrl(f"{sender.url}/base"), key=KeyReference(env="API_KEY"))


def incident(name: str, status: str, minutes: float) -> dict[str, object]:
    """Return one incident as PagerDuty lists it."""
    at = (NOW - timedelta(minutes=minutes)).isoformat()
    return {"id": name, "status": status, "title": "t", "last_status_change_at": at}


def test_pagerduty_is_asked_for_what_is_open_and_what_is_over(
    engine: sa.Engine, sender: Wire, asked: Reconciliation
) -> None:
    """Page by page, and a second question finds nothing new."""
    listed = [[incident("P1", "triggered", 9)], [incident("P2", "acknowledged", 8)]]

    def answer(request: Request) -> Answer:
        query = parse_qs(urlsplit(request.path).query)
        assert set(query["statuses[]"]) == {"triggered", "acknowledged", "resolved"}
        page = int(query["offset"][0]) // 100
        content = {"incidents": listed[page], "more": page + 1 < len(listed)}
        return Answer(200, json.dumps(content).encode())

    sender.behave = answer
    assert pagerduty.reconcile(engine, "pagerduty", asked) == 2
    assert pagerduty.reconcile(engine, "pagerduty", asked) == 0
    listed[0] = [incident("P1", "resolved", 1)]
    assert pagerduty.reconcile(engine, "pagerduty", asked) == 1
    listed[0] = [incident("P1", "triggered", 0)]
    assert pagerduty.reconcile(engine, "pagerduty", asked) == 1
    assert verdicts(engine) == ["opened", "opened", "closed", "opened"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(503), Unavailable),
        (Answer(429), Unavailable),
        (None, Unavailable),
        (Answer(401), Rejected),
        (Answer(302), Rejected),
        (Answer(200, b"<html>"), ContractBroken),
        (Answer(200, b'{"incidents": [{}]}'), ContractBroken),
    ],
)
def test_an_answer_that_is_none_says_why(
    engine: sa.Engine,
    sender: Wire,
    asked: Reconciliation,
    answer: Answer | None,
    error: type[OpsError],
) -> None:
    """The job goes on at its next turn; nothing is believed, and no redirect is followed."""
    sender.behave = lambda _: answer
    for look in (partial(pagerduty.reconcile, engine, "x", asked), Deliveries(engine, "x", asked)):
        with pytest.raises(error):
            look()
    assert len(sender.requests) == 2


def test_an_alertmanager_is_asked_for_episodes_that_began_after_our_last_sight(
    engine: sa.Engine, sender: Wire, asked: Reconciliation
) -> None:
    """The end of the one that is open was never reported, and neither was that it fires again."""
    settings = AlertmanagerReconciliation(url=asked.url)
    began = [NOW - timedelta(hours=3)]

    def answer(_: Request) -> Answer:
        listed = [{"labels": {"alertname": "X"}, "startsAt": began[0].isoformat()}]
        return Answer(200, json.dumps(listed).encode())

    sender.behave = answer
    assert alertmanager.reconcile(engine, "am", settings) == 1
    assert alertmanager.reconcile(engine, "am", settings) == 0
    later(engine, 3600)
    began[0] = NOW - timedelta(minutes=10)
    assert alertmanager.reconcile(engine, "am", settings) == 1
    assert alertmanager.reconcile(engine, "am", settings) == 0
    assert verdicts(engine) == ["opened", "opened"]


def test_one_odd_alert_hides_no_other(
    engine: sa.Engine, sender: Wire, asked: Reconciliation
) -> None:
    """What an Alertmanager or PagerDuty shows is read one by one, like what they send."""
    began = (NOW - timedelta(minutes=5)).isoformat()
    listed = [
        {"labels": {"alertname": "Odd"}, "startsAt": "yesterday", "status": {"state": "active"}},
        {"labels": {"alertname": "X", "code": 500}, "annotations": None, "startsAt": began},
        {"labels": {"alertname": "Undated"}, "startsAt": "0001-01-01T00:00:00Z"},
    ]
    sender.behave = lambda _: Answer(200, json.dumps(listed).encode())
    settings = AlertmanagerReconciliation(url=asked.url)
    assert alertmanager.reconcile(engine, "am", settings) == 2
    assert alertmanager.reconcile(engine, "am", settings) == 0

    page = {"incidents": [{"id": "P1"}, incident("P2", "triggered", 8)], "more": False}
    sender.behave = lambda _: Answer(200, json.dumps(page).encode())
    assert pagerduty.reconcile(engine, "pagerduty", asked) == 1
    assert verdicts(engine) == ["opened"] * 3


def heard(engine: sa.Engine, at: datetime) -> None:
    """Let the watchdog's alert come in."""
    alert = firing(at, alertname="Watchdog")
    deliveries.record(engine, "alertmanager", str(at).encode(), [alert])


def test_the_silence_of_a_watchdog_is_an_incident(engine: sa.Engine) -> None:
    """It opens once, is over when the watchdog is heard again, and the next silence is another."""
    patient, strict = Watchdog(within_seconds=3600), Watchdog(within_seconds=0.000001)

    def own() -> list[str]:
        with engine.connect() as connection:
            ours = sa.select(incidents.c.state).where(incidents.c.source == "cct-ops")
            return list(connection.scalars(ours.order_by(incidents.c.episode)))

    assert not watchdog.check(engine, "alertmanager", patient, NOW)
    assert own() == []
    assert watchdog.check(engine, "alertmanager", strict, NOW)
    assert watchdog.check(engine, "alertmanager", strict, NOW)
    assert own() == ["open"]
    heard(engine, NOW)
    assert not watchdog.check(engine, "alertmanager", patient, NOW)
    assert own() == ["closed"]
    assert watchdog.check(engine, "alertmanager", strict, NOW)
    assert own() == ["closed", "open"]
