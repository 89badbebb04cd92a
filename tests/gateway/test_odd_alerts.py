"""What is of no interest is ignored, and what is odd stands alone: its neighbours are taken in."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from cct_ops.gateway.app import incoming_of
from cct_ops.ledger.intake import deliveries as intake, inbox
from cct_ops.ledger.intake.deliveries import DeliveryStatus, Incoming
from cct_ops.ledger.intake.tables import alerts, deliveries
from tests.gateway.signing import SOURCES, Sent, firing, sign

AT = "2026-11-23T23:29:46.931976Z"


def came(name: str, content: object, **headers: str) -> Incoming:
    """Return how the gateway would store this body of the named source."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    request = Sent(SOURCES[name], sign(name, body), body).but(**headers)
    return incoming_of(name, request.source, request.received, "KEY")


WORKFLOW_RUN = {"id": 7, "conclusion": None, "updated_at": AT}
REPOSITORY = {"repository": {"id": 1, "full_name": "o/r"}}


@pytest.mark.parametrize(
    ("event", "content"),
    [
        ("workflow_job", {"action": "completed", "workflow_job": {"conclusion": "failure"}}),
        ("pull_request", {"action": "opened", "number": 1, "pull_request": {"title": "\ud83d"}}),
        ("push", {"ref": "refs/heads/main", "commits": []}),
        ("star", {"action": "created"}),
        ("an_event_of_next_year", {}),
        ("ping", {"zen": "Keep it logically awesome."}),
        ("check_run", {"action": "rerequested"}),
        ("workflow_run", {"action": "requested", "workflow_run": WORKFLOW_RUN} | REPOSITORY),
        ("workflow_run", {"action": "in_progress"}),
        (
            "deployment_status",
            {
                "action": "created",
                "deployment": {"id": 9},
                "deployment_status": {"state": "waiting", "created_at": AT},
            }
            | REPOSITORY,
        ),
    ],
)
def test_an_event_of_github_that_is_not_ours_is_ignored(event: str, content: object) -> None:
    """Nothing could be corrected; it is stored with its reason and its name of the delivery."""
    incoming = came("github", content, x_github_event=event, x_github_delivery="d-1")

    assert (incoming.status, incoming.alerts) == (DeliveryStatus.IGNORED, ())
    assert event in (incoming.note or "")
    assert incoming.sender_id == "d-1"


def pagerduty(event_type: str, data: object) -> dict[str, object]:
    """Return an event as PagerDuty sends it."""
    return {"event": {"id": "E1", "event_type": event_type, "occurred_at": AT, "data": data}}


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("service.updated", {"type": "service", "id": "S1"}),
        ("service.created", None),
        ("pagey.ping", {"type": "ping"}),
        ("incident.annotated", {"type": "incident_note", "id": "N1"}),
        ("incident.something_new", {"type": "incident_something", "id": "N1"}),
        ("another.kind", {"type": "kind"}),
        ("service.deleted", ["of", "another", "shape"]),
        ("incident.responder.added", "text"),
    ],
)
def test_an_event_of_pagerduty_that_is_about_no_incident_is_ignored(
    event_type: str, data: object
) -> None:
    incoming = came("pagerduty", pagerduty(event_type, data))

    assert (incoming.status, incoming.sender_id) == (DeliveryStatus.IGNORED, "E1")
    assert event_type in (incoming.note or "")


def test_a_test_of_a_source_and_an_empty_list_are_ignored() -> None:
    assert came("json", {"state": "test"}).status is DeliveryStatus.IGNORED
    assert came("json", []).status is DeliveryStatus.IGNORED
    assert came("alertmanager", {"version": "4", "alerts": []}).status is DeliveryStatus.IGNORED
    assert came("grafana", {"version": "1", "alerts": None}).status is DeliveryStatus.IGNORED


@pytest.mark.parametrize(
    ("event", "content"),
    [
        ("", {}),
        ("Workflow Job", {}),
        ("workflow_job", []),
        ("workflow_job", b"{"),
        ("workflow_job", b'{"a":1,"a":2}'),
        ("workflow_run", {"action": "completed"}),
        (
            "workflow_run",
            {"action": "completed", "workflow_run": WORKFLOW_RUN | {"conclusion": "exploded"}}
            | REPOSITORY,
        ),
    ],
)
def test_what_is_not_well_formed_is_not_ignored(event: str, content: object) -> None:
    incoming = came("github", content, x_github_event=event)

    assert incoming.status is DeliveryStatus.QUARANTINED


def alert(number: int, **odd: object) -> dict[str, object]:
    """Return one alert of a group, with something odd about it."""
    labels = {"alertname": "X", "i": str(number)}
    return {"status": "firing", "labels": labels, "annotations": {}, "startsAt": AT} | odd


def group(*members: object) -> dict[str, object]:
    """Return a body of Alertmanager with these and thirty others."""
    return {"version": "4", "alerts": [*members, *(alert(n) for n in range(1, 31))]}


@pytest.mark.parametrize("name", ["alertmanager", "grafana"])
@pytest.mark.parametrize(
    "odd",
    [
        {"status": "suppressed"},
        {"labels": {}},
        {"labels": None},
        {"labels": {"alertname": {"a": 1}}},
        {"labels": ["alertname"]},
        {"labels": {"alertname": "\ud800"}},
        {"labels": {"alertname": float("nan")}},
        {"annotations": {"summary": [1]}},
        {"startsAt": "yesterday"},
        {"startsAt": "2026-11-23T23:29:46"},
        {"startsAt": "9999-12-31T00:00:00Z"},
        {"status": "resolved", "endsAt": "never"},
        None,
        "text",
    ],
)
def test_an_odd_alert_is_set_aside_and_its_neighbours_are_taken_in(name: str, odd: object) -> None:
    """Wherever it stands among them; the note says which it was and why."""
    broken = alert(0, **odd) if isinstance(odd, dict) else odd
    incoming = came(name, group(broken))

    assert incoming.status is DeliveryStatus.PARTIAL
    assert [each.labels["i"] for each in incoming.alerts or ()] == [str(n) for n in range(1, 31)]
    assert (incoming.note or "").startswith("1 of 31 alerts were set aside: alerts.0")
    assert came(name, {"version": "4", "alerts": [broken]}).status is DeliveryStatus.QUARANTINED


def test_a_name_that_is_there_twice_spoils_its_own_alert_alone() -> None:
    body = json.dumps(group(alert(0))).replace('"i": "0"', '"i": "0", "i": "1"').encode()

    assert len(came("alertmanager", body).alerts or ()) == 30


@pytest.mark.parametrize(
    ("odd", "labels", "annotations"),
    [
        ({"annotations": None}, {}, {}),
        ({"annotations": {"summary": None, "n": 7, "ok": True}}, {}, {"n": "7", "ok": "true"}),
        ({"labels": {"code": 500, "gone": None, "on": False}}, {"code": "500", "on": "false"}, {}),
    ],
)
def test_what_can_be_read_without_harm_is_read(
    odd: dict[str, object], labels: dict[str, str], annotations: dict[str, str]
) -> None:
    """Null is how some say that there is none, and a number is the text that it was written as."""
    (read,) = came("alertmanager", {"version": 4, "alerts": [alert(0, **odd)]}).alerts or ()

    assert read.labels == (labels or {"alertname": "X", "i": "0"})
    assert read.annotations == annotations


def test_null_is_nothing_for_every_kind() -> None:
    """What a label would have been made of is absent, and the rest of the event stands."""
    data = {"type": "incident", "id": "P1", "status": "triggered", "title": None, "service": None}
    ended = {"action": "completed"} | REPOSITORY
    check = {"id": 5, "name": None, "conclusion": "failure", "completed_at": None}
    status = {"state": "failure", "created_at": None, "target_url": None}
    about = {"deployment": {"id": 9, "environment": None, "ref": None}, "deployment_status": status}
    for incoming in (
        came("pagerduty", pagerduty("incident.triggered", data)),
        came("github", ended | {"check_run": check}),
        came("github", ended | about, x_github_event="deployment_status"),
    ):
        (read,) = incoming.alerts or ()
        assert "None" not in read.labels.values()
        assert all(read.labels.values())


@pytest.mark.parametrize("number", ["9007199254740993", "0.10", "1e400", "1E+2", "7.0"])
def test_a_number_is_the_text_that_was_written(number: str) -> None:
    body = json.dumps({"version": "4", "alerts": [alert(0)]}).replace('"i": "0"', f'"i": {number}')

    (read,) = came("alertmanager", body.encode()).alerts or ()
    assert read.labels["i"] == number


ZERO = "0001-01-01T00:00:00Z"


@pytest.mark.parametrize("zero", [ZERO, "0001-01-01T00:53:28+00:53", "", None])
def test_a_zero_time_is_none_and_the_receipt_counts(zero: str | None) -> None:
    """Go's zero time and an empty one; only the sender's word counts as the sender's time."""
    first = datetime(2026, 11, 24, tzinfo=UTC)
    (fired,) = (
        came("alertmanager", {"version": "4", "alerts": [alert(0, startsAt=zero)]}).alerts or ()
    )
    over = alert(0, startsAt=zero, status="resolved", endsAt=AT)
    (ended,) = came("alertmanager", {"version": "4", "alerts": [over]}).alerts or ()
    (generic,) = came("json", {"state": "open", "id": 1, "at": zero or ZERO}).alerts or ()

    assert fired.undated
    assert fired.received(first).starts_at == first
    assert not fired.episodic
    assert ended.received(first).ends_at == datetime.fromisoformat(AT)
    assert ended.received(first).starts_at == datetime.fromisoformat(AT)
    assert generic.received(first).starts_at == first


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00Z", "", None, "never"])
def test_the_end_of_what_still_fires_is_not_looked_at(end: str | None) -> None:
    (read,) = came("alertmanager", {"version": "4", "alerts": [alert(0, endsAt=end)]}).alerts or ()

    assert read.ends_at is None


def test_each_of_a_list_and_of_a_batch_stands_alone() -> None:
    """Of JSON by declared paths, of Standard Webhooks, and of CloudEvents."""
    good = [json.loads(firing(n, kind="json")) for n in (1, 2, 3)]
    events = [json.loads(firing(n, kind="cloudevents")) for n in (1, 2, 3)]
    batch = {"content_type": "application/cloudevents-batch+json"}
    for name, members, odd, headers in (
        ("json", good, {"state": "puzzled"}, {}),
        ("standard", good, {"state": "open", "id": [1]}, {}),
        ("cloudevents", events, events[0] | {"type": "puzzled"}, batch),
        ("cloudevents", events, {"specversion": "1.0", "source": "/s", "type": "open"}, batch),
        ("cloudevents", events, events[0] | {"data_base64": "e30="}, batch),
        ("cloudevents", events, None, batch),
    ):
        incoming = came(name, [members[0], odd, *members[1:]], **headers)
        assert incoming.status is DeliveryStatus.PARTIAL, incoming.note
        assert len(incoming.alerts or ()) == 3
        assert "1 of 4 alerts were set aside" in (incoming.note or "")
        assert came(name, [odd], **headers).status is DeliveryStatus.QUARANTINED


def test_the_inbox_shows_what_was_ignored_and_what_was_set_aside(engine: sa.Engine) -> None:
    """What was set aside waits for a person; its neighbours do not, and what is ignored neither."""
    intake.record_all(
        engine,
        [
            came("github", {}, x_github_event="star"),
            came("alertmanager", group(alert(0, startsAt="yesterday"))),
        ],
    )
    with engine.begin() as connection:
        assert set(connection.scalars(sa.select(deliveries.c.status))) == {"ignored", "partial"}
        assert connection.scalar(sa.select(sa.func.count()).select_from(alerts)) == 30
        connection.execute(sa.text("update dispatches set state = 'notified'"))
    shown = [each.became for each in inbox.newest(engine, 50)]
    (waits,) = inbox.newest(engine, 50, unfinished=True)

    assert "ignored: star: an event that says of no run that it failed." in shown
    assert waits.became.startswith("1 of 31 alerts were set aside: alerts.0.startsAt: ")
    assert sum(each.startswith("1 of 31") for each in shown) == 1
    assert len(inbox.about(engine, str(waits.delivery_id))) == 31
