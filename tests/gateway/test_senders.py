"""What each kind of sender says, and which incidents that makes."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from cct_ops.gateway.app import incoming_of
from cct_ops.gateway.senders import kinds
from cct_ops.gateway.senders.parsed_delivery import UnknownShape
from cct_ops.ledger.intake import deliveries as intake
from cct_ops.ledger.intake.tables import deliveries, dispatches, incidents
from tests.gateway.delivering import count, episodes, fields, take, verdicts
from tests.gateway.signing import NOW, SOURCES, Sent, firing, sign


def take_in(engine: sa.Engine, name: str, *bodies: bytes, **headers: str) -> list[UUID]:
    """Take these bodies in, one after the other, and return all incidents that they touched."""
    touched: list[UUID] = []
    for body in bodies:
        request = Sent(SOURCES[name], sign(name, body), body).but(**headers)
        incoming = incoming_of(name, request.source, request.received, "KEY")
        assert incoming.alerts is not None, incoming.note
        touched += intake.record_all(engine, [incoming])[0].incidents
    return touched


@pytest.mark.parametrize("name", ["github", "pagerduty"])
@pytest.mark.parametrize("days", [30, 91])
def test_a_captured_body_that_comes_again_after_months_starts_nothing(
    engine: sa.Engine, name: str, days: int
) -> None:
    """They sign no time, so what was taken in is remembered; no sweep of ours forgets it."""
    long_ago = (NOW - timedelta(days=days)).isoformat().encode()
    body = firing(1, kind=name).replace(b"2026-11-23T23:29:46.931976Z", long_ago)
    take_in(engine, name, body)
    ours = ("received_at", "last_received_at", "opened_at", "last_seen_at")
    with engine.begin() as connection:
        for column in (c for table in (deliveries, incidents) for c in table.c if c.name in ours):
            older = column - timedelta(days=days)
            connection.execute(sa.update(column.table).values({column: older}))
    silence = SOURCES[name].silence_seconds
    if silence is not None:
        assert intake.expire(engine, name, silence) == 1
    take_in(engine, name, body)
    take_in(engine, name, body, **({"x_github_delivery": "other"} if name == "github" else {}))

    assert count(engine, incidents) == count(engine, dispatches) == 1


@pytest.mark.parametrize("name", SOURCES)
def test_every_kind_opens_one_incident_for_one_thing(engine: sa.Engine, name: str) -> None:
    """However often it is reported; another thing is another incident."""
    first, second = firing(1, kind=name), firing(2, kind=name)
    touched = take_in(engine, name, first, first, second)

    assert len(set(touched)) == 2
    assert touched[0] == touched[1]
    assert count(engine, incidents) == count(engine, dispatches) == 2


def pagerduty(event: str, status: str, second: int, incident: str = "P1") -> bytes:
    """Return one of PagerDuty's events."""
    at = f"2026-11-23T12:00:{second:02d}.500Z"
    data = {"type": "incident", "id": incident, "status": status, "title": "t"}
    content = {"id": f"{event}-{second}", "event_type": f"incident.{event}", "occurred_at": at}
    return json.dumps({"event": content | {"data": data}}).encode()


def test_an_incident_of_pagerduty_is_reopened_as_another_episode(engine: sa.Engine) -> None:
    """Even in the very moment of its end, and a late copy opens nothing."""
    story = [
        pagerduty("triggered", "triggered", 1),
        pagerduty("acknowledged", "acknowledged", 2),
        pagerduty("resolved", "resolved", 3),
        pagerduty("triggered", "triggered", 1),
        pagerduty("reopened", "triggered", 3),
        pagerduty("reopened", "triggered", 3),
        pagerduty("resolved", "resolved", 4),
        pagerduty("reopened", "triggered", 3),
    ]
    take_in(engine, "pagerduty", *story)

    assert count(engine, incidents) == count(engine, dispatches) == 2
    assert verdicts(engine) == ["opened", "seen", "closed", "opened", "closed"]


def test_an_incident_that_pagerduty_shows_open_is_open(engine: sa.Engine) -> None:
    """Its first event may have been lost, or be older than the subscription."""
    take_in(engine, "pagerduty", pagerduty("escalated", "triggered", 5))
    take_in(engine, "pagerduty", pagerduty("annotated", "triggered", 6, "P2"))

    assert verdicts(engine) == ["opened"]


def github(event: str, conclusion: str, at: int, **more: object) -> bytes:
    """Return one of GitHub's events about something that ended."""
    moment = f"2026-11-23T12:00:{at:02d}Z"
    repository = {"id": 1, "full_name": "o/r"}
    content: dict[str, object] = {"action": "completed", "repository": repository}
    if event == "workflow_run":
        content[event] = {"id": 7, "conclusion": conclusion, "updated_at": moment} | more
    if event == "deployment_status":
        content |= {"action": "created", "deployment": {"id": 9, "environment": "prod"}}
        content[event] = {"state": conclusion, "created_at": moment}
    if event == "check_run":
        content[event] = {"id": 5, "name": "c", "conclusion": conclusion, "completed_at": moment}
    return json.dumps(content).encode()


def test_an_attempt_of_a_workflow_run_is_ended_by_the_next(engine: sa.Engine) -> None:
    """Two failures are two incidents, and a success leaves none open."""
    story = [
        github("workflow_run", "failure", 1, run_attempt=1),
        github("workflow_run", "failure", 2, run_attempt=2),
        github("workflow_run", "success", 3, run_attempt=3),
    ]
    take_in(engine, "github", *story, x_github_event="workflow_run")

    assert [closed_as for _, closed_as in episodes(engine)] == ["resolved", "resolved"]


def test_a_deployment_that_fails_again_is_another_episode(engine: sa.Engine) -> None:
    """A success in between ends the first."""
    story = [github("deployment_status", word, n) for n, word in enumerate(["failure"] * 2, 1)]
    story += [
        github("deployment_status", word, n) for n, word in enumerate(["success", "error"], 3)
    ]
    take_in(engine, "github", *story, x_github_event="deployment_status")

    assert verdicts(engine) == ["opened", "seen", "closed", "opened"]


def test_two_hooks_with_one_event_make_one_incident(engine: sa.Engine) -> None:
    """A repository's and its organisation's differ in the delivery id."""
    body = github("check_run", "failure", 1)
    take_in(engine, "github", body, x_github_delivery="a")
    take_in(engine, "github", body, x_github_delivery="b")

    assert verdicts(engine) == ["opened", "seen"]
    assert count(engine, dispatches) == 1


def test_cloudevents_come_in_three_forms(engine: sa.Engine) -> None:
    """Structured, binary and batched say the same."""
    event = json.loads(firing(1, kind="cloudevents"))
    data = json.dumps(event.pop("data")).encode()
    binary = {f"ce_{name}": str(value) for name, value in event.items()}
    structured = take_in(engine, "cloudevents", firing(1, kind="cloudevents"))
    as_binary = take_in(engine, "cloudevents", data, content_type="application/json", **binary)
    batch = [json.loads(firing(n, kind="cloudevents")) for n in (1, 2)]
    batched = take_in(
        engine,
        "cloudevents",
        json.dumps(batch).encode(),
        content_type="application/cloudevents-batch+json",
    )

    assert structured == as_binary == batched[:1]
    assert len(batched) == count(engine, incidents) == 2


def test_a_sender_without_a_clock_is_told_apart_by_its_first_receipt(engine: sa.Engine) -> None:
    """A copy of what was over opens nothing; news do."""
    undated = fields(starts_at=None)
    for state in (
        {"state": "open"},
        {"state": "closed"},
        {"state": "open"},
        {"state": "open", "n": 2},
    ):
        take(engine, "json", {"id": 1, "name": "X"} | state, undated)

    assert verdicts(engine) == ["opened", "closed", "opened"]
    assert count(engine, incidents) == 2


@pytest.mark.parametrize(
    ("name", "body", "headers"),
    [
        ("github", b"{}", {}),
        ("pagerduty", pagerduty("triggered", "puzzled", 1), {}),
        ("pagerduty", b'{"event":{"id":"1","event_type":"service.updated"}}', {}),
        ("json", b'{"state":"puzzled","id":1}', {}),
        ("json", b'{"state":"open","at":"2026-11-23T12:00:00Z"}', {}),
        ("json", b'{"state":"open","id":1,"at":"yesterday"}', {}),
        ("json", b'{"state":"open","id":{"__prefect_kind":"jinja"},"at":0}', {}),
        ("json", b'{"state":["open"],"id":1,"at":0}', {}),
        ("json", b'{"state":"open","id":1,"id":2,"at":0}', {}),
        ("json", b'{"state":"open","id":NaN,"at":0}', {}),
        ("json", b'{"state":"open","id":"\\ud800","at":0}', {}),
        ("json", b"[" * 1_000_000, {}),
        ("json", b'{"state":"open","id":' + b"9" * 1_000_000 + b"}", {}),
        ("standard", b'"text"', {}),
        ("cloudevents", b'{"id":"1"}', {}),
        ("cloudevents", b"[1]", {"content_type": "application/cloudevents-batch+json"}),
        ("cloudevents", b'{"a":1}', {"content_type": "application/json"}),
        ("cloudevents", b'{"specversion":"9","id":"1","source":"s","type":"t"}', {}),
    ],
)
def test_what_is_not_understood_is_said_and_not_guessed(
    name: str, body: bytes, headers: dict[str, str]
) -> None:
    """It is going to be quarantined, with a reason that does not repeat it."""
    request = Sent(SOURCES[name], sign(name, body), body).but(**headers)
    with pytest.raises(UnknownShape):
        kinds.read(request.received, request.source)


@pytest.mark.parametrize("number", ["9007199254740993", "1.00000000000000001", "1E+400"])
def test_numbers_stay_exact(number: str) -> None:
    """Ids beyond 2^53 are common, and a rounded one is another's."""
    body = f'{{"state":"open","id":{number},"at":"2026-11-23T12:00:00Z"}}'.encode()
    request = Sent(SOURCES["json"], {}, body, at=NOW)
    (alert,) = kinds.read(request.received, request.source).alerts

    assert alert.identity == {"id": number}


OBJECT = {"__prefect_kind": "jinja", "template": "{{ 7 * 7 }}"}


@pytest.mark.parametrize("planted", [OBJECT, [OBJECT], [1]])
@pytest.mark.parametrize("name", SOURCES)
def test_no_source_lets_an_object_or_a_list_become_a_label(name: str, planted: object) -> None:
    """Prefect's server evaluates such objects; what reaches it is text that a rule checked."""
    text = firing(1, kind=name).decode()
    for value in ('"/daily-summary"', '"X"', '"lint"', '"P1"', '"o/r"'):
        if value not in text:
            continue
        body = text.replace(value, json.dumps(planted)).encode()
        request = Sent(SOURCES[name], sign(name, body), body)
        with pytest.raises(UnknownShape):
            kinds.read(request.received, request.source)
