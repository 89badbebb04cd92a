"""Senders that give their messages no name or no time of their own: a copy is told from news."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from cct_ops.config.sources import JsonSource, Sources
from cct_ops.gateway.app import incoming_of
from cct_ops.gateway.registry import Registry
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.intake.tables import dispatches, incidents
from tests.gateway.delivering import count, episodes, fields, later, take
from tests.gateway.signing import FIELDS, SOURCES, Sent, sign

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


# -- a sender that gives neither a name nor a time ----------------------------------------------

BARE = {"id": "cycle", "name": "X"}
TRIGGERED = BARE | {"state": "open"}
RECOVERED = BARE | {"state": "closed"}


ONCE, TWICE = [(1, "resolved")], [(1, "resolved"), (2, "resolved")]


@pytest.mark.parametrize(
    ("declared", "pauses", "expected"),
    [
        ({}, [61, 61, 61, 61], TWICE),
        ({}, [20, 20, 20], ONCE),
        ({}, [100, 5, 5, 0], TWICE),
        ({"copies_within_seconds": 3600}, [600, 600, 600], ONCE),
    ],
    ids=["after its pause", "within its pause", "an end whenever it comes", "a pause of its own"],
)
def test_the_same_body_after_its_pause_is_a_message_of_its_own_and_within_it_a_copy(
    engine: sa.Engine, declared: dict[str, object], pauses: list[int], expected: list[object]
) -> None:
    """
    A sender that got no answer repeats itself soon, and some for longer than others.

    An end is believed whenever it comes: else an incident would stay open for ever, for what looks
    like a copy of the end before.
    """
    bare = fields(starts_at=None, **declared)
    for each, pause in zip([TRIGGERED, RECOVERED] * 2, pauses, strict=False):
        take(engine, "json", each, bare)
        later(engine, pause)

    assert episodes(engine) == expected
    assert count(engine, dispatches) == len(expected)


def test_a_start_that_is_the_episodes_own_and_later_is_another_episode(engine: sa.Engine) -> None:
    """As with an Alertmanager, where the source declares it."""
    source = fields(starts_at_is="episode")
    times = [START, START, START + timedelta(days=1)]
    for minute, at in enumerate(times):
        take(engine, "json", TRIGGERED | {"at": at.isoformat(), "n": minute}, source)
        with engine.begin() as connection:
            sight = START + timedelta(minutes=10)
            connection.execute(sa.update(incidents).values(last_seen_at=sight))

    assert episodes(engine) == [(1, "superseded"), (2, None)]


def test_what_a_source_never_ends_is_forgotten_after_its_time(engine: sa.Engine) -> None:
    """What comes then is an incident of its own."""
    source = fields(resolved=[], starts_at=None).model_copy(update={"forget_after_seconds": 3600})
    take(engine, "json", TRIGGERED, source)
    later(engine, 3601)
    assert source.silence_seconds is not None
    assert deliveries.expire(engine, "json", source.silence_seconds) == 1
    take(engine, "json", TRIGGERED, source)

    assert episodes(engine) == [(1, "expired"), (2, None)]


@pytest.mark.parametrize(
    ("declared", "forgets", "warns"),
    [
        ({"resolved": []}, None, True),
        ({"resolved": []}, 3600, False),
        ({"resolved": [], "starts_at_is": "episode"}, None, False),
        ({}, None, False),
    ],
)
def test_a_source_that_never_ends_anything_is_named(
    declared: dict[str, object], forgets: int | None, warns: bool
) -> None:
    source = {"kind": "json", "keys": [{"env": "K"}], "fields": FIELDS | declared}
    made = Sources.model_validate({"sources": {"m": source | {"forget_after_seconds": forgets}}})

    assert ("m never says that something is over" in made.doubts().get("m", "")) is warns


@pytest.mark.parametrize(
    "declared",
    [{"starts_at": None}, {"reopens": ["again"]}],
    ids=["no start", "a start that stays"],
)
def test_a_start_that_is_none_cannot_be_the_episodes(declared: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="needs a starts_at: that moves"):
        fields(starts_at_is="episode", **declared)


@pytest.mark.parametrize(
    ("declared", "warns"),
    [
        ({"starts_at": None}, True),
        ({"starts_at": None, "delivery": "message"}, False),
        ({}, False),
        ({"reopens": ["again"]}, True),  # its time is the thing's, and orders nothing
        ({"reopens": ["again"], "delivery": "message"}, False),
    ],
)
def test_a_source_that_cannot_tell_a_copy_from_news_is_named_at_load(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    declared: dict[str, object],
    warns: bool,
) -> None:
    """With its line, the rule that holds, and what would help."""
    monkeypatch.setenv("SOME_KEY", "a" * 32)
    source = {"kind": "json", "keys": [{"env": "SOME_KEY"}], "fields": FIELDS | declared}
    path = tmp_path / "sources.yaml"
    path.write_text("# who may send\n" + json.dumps({"sources": {"monitor": source}}))
    Registry(path)

    said = f"{path}:2: monitor cannot tell a copy from news"
    assert (said in caplog.text) is warns
    assert ("within 60 s" in caplog.text) is warns
    assert ("delivery:" in caplog.text) is warns


def test_messages_that_wait_together_keep_their_order(engine: sa.Engine) -> None:
    """What came at one moment is one transaction, and its times are still one after the other."""
    bare = fields(starts_at=None)
    arrived: list[deliveries.Incoming] = []
    for each in (TRIGGERED, RECOVERED, TRIGGERED | {"n": 2}, RECOVERED | {"n": 2}) * 3:
        body = json.dumps(each | {"id": len(arrived) // 4}).encode()
        request = Sent(bare, sign("json", body), body)
        arrived.append(incoming_of("json", bare, request.received, "KEY"))
    deliveries.record_all(engine, arrived)

    assert episodes(engine) == [(1, "resolved")] * 3 + [(2, "resolved")] * 3


# -- a thing that is reopened --------------------------------------------------------------------

SENTRY = {
    "status": "action",
    "firing": ["created"],
    "resolved": ["resolved"],
    "reopens": ["unresolved"],
    "incident": ["data.issue.id"],
    "starts_at": "data.issue.firstSeen",
    "labels": {"alertname": "data.issue.title"},
}


def issue(action: str, n: int = 0) -> dict[str, object]:
    """Return what Sentry sends: the time is the issue's, and never moves."""
    about = {"id": "9", "title": "X", "firstSeen": START.isoformat(), "count": n}
    return {"action": action, "data": {"issue": about}}


@pytest.mark.parametrize("firing", [["created"], ["created", "unresolved"]])
def test_a_word_that_reopens_is_a_new_episode(engine: sa.Engine, firing: list[str]) -> None:
    """Although the time of the thing never moves; and its end is believed each time."""
    sentry = fields(**SENTRY | {"firing": firing})
    words = ["created", "resolved", "unresolved", "resolved", "unresolved"]
    for n, word in enumerate(words):
        take(engine, "json", issue(word, n), sentry)

    assert episodes(engine) == [(1, "resolved"), (2, "resolved"), (3, None)]
    assert count(engine, dispatches) == 3


def test_copies_of_a_reopened_thing_change_nothing(engine: sa.Engine) -> None:
    """Neither of its opening words, nor of an end that belonged to the episode before."""
    sentry = fields(**SENTRY, delivery="id")
    story = [issue(word, n) | {"id": n} for n, word in enumerate(["created", "resolved"])]
    again = issue("unresolved", 3) | {"id": 3}
    for each in (*story, again, *story, again):
        take(engine, "json", each, sentry)
    assert episodes(engine) == [(1, "resolved"), (2, None)]

    over = issue("resolved", 4) | {"id": 4}
    for each in (over, again, story[0]):
        take(engine, "json", each, sentry)
    assert episodes(engine) == [(1, "resolved"), (2, "resolved")]


def test_a_reopened_thing_that_is_open_is_no_other_episode(engine: sa.Engine) -> None:
    """Nor does it need an episode before: its first message may be older than the hook."""
    sentry = fields(**SENTRY)
    for n, word in enumerate(["unresolved", "unresolved", "created"]):
        take(engine, "json", issue(word, n), sentry)

    assert episodes(engine) == [(1, None)]


# -- a message that has a name ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["standard", "json"])
def test_a_message_is_a_copy_in_whatever_bytes_it_comes_again(engine: sa.Engine, name: str) -> None:
    """Its sender counts its own attempts in it, and calls it by the same name."""
    made = fields(starts_at=None, delivery="message")
    assert isinstance(made, JsonSource)
    source = SOURCES[name].model_copy(update={"fields": made.fields})
    triggered, recovered = TRIGGERED | {"message": "m1"}, RECOVERED | {"message": "m2"}
    for each in (triggered | {"attempt": 1}, recovered, triggered | {"attempt": 2}):
        take(engine, name, each, source)
        later(engine, 3600)

    assert episodes(engine) == [(1, "resolved")]


@pytest.mark.parametrize("time", [None, ""])
def test_an_event_whose_time_is_empty_has_none(engine: sa.Engine, time: str | None) -> None:
    """The specification lets it be left out."""
    event = {"specversion": "1.0", "source": "/s", "subject": "x", "time": time}
    for kind, number in (("open", "1"), ("closed", "2"), ("open", "1")):
        take(engine, "cloudevents", event | {"type": kind, "id": number, "data": {"name": "X"}})

    assert episodes(engine) == [(1, "resolved")]
