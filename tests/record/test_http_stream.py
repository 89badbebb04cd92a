"""A stream over HTTP: in order, nothing skipped, whatever the endpoint answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cct_ops.config.source_fields import Fields
from cct_ops.gateway.senders import kinds
from cct_ops.ledger.record import streams
from cct_ops.record.stream import batches, events, http
from tests.controller.wire import Answer, Request, Wire, wire
from tests.gateway.signing import SOURCES, Sent
from tests.record.streamed import Streamed, Taking, place, positions


@pytest.fixture
def siem() -> Iterator[Wire]:
    """An endpoint that takes everything."""
    with wire(Taking()) as endpoint:
        yield endpoint


@pytest.fixture
def ours(engine: sa.Engine, siem: Wire, tmp_path: Path) -> Streamed:
    """A stream that leads there, in batches of ten."""
    return Streamed(engine, place(http=f"{siem.url}/events", batch_events=10), tmp_path)


def let(siem: Wire, **given: Any) -> Taking:
    """Let the endpoint behave so from now on."""
    siem.behave = taking = Taking(**given)
    return taking


def test_all_events_are_taken_in_order_in_batches(ours: Streamed, siem: Wire) -> None:
    taking = let(siem)
    ours.happen(25)

    end = ours.turn()

    assert positions(taking.taken) == list(range(25))
    assert [len(json.loads(request.body)) for request in siem.requests] == [10, 10, 5]
    assert (end.position, end.behind_events, end.due, end.last_error) == (25, 0, False, None)
    assert ours.turn().position == 25
    assert len(siem.requests) == 3


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_passes_is_tried_again_and_skips_nothing(
    ours: Streamed, siem: Wire, status: int
) -> None:
    ours.happen(12)
    let(siem, refuses=lambda _: Answer(status, b"later", {"Retry-After": "90"}))

    first, second = ours.turn(), ours.turn()

    assert (first.position, second.position, second.failures) == (0, 0, 2)
    assert second.last_error == f"{ours.place.where} answered {status}: later"
    assert second.failed_at is not None
    assert (second.next_attempt_at - second.failed_at).total_seconds() >= 89
    taking = let(siem)
    end = ours.turn()
    assert (end.position, end.failures, end.last_error) == (12, 0, None)
    assert positions(taking.taken) == list(range(12))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(302, headers={"Location": "http://elsewhere.example/"}), "points to another place"),
        (Answer(401), "does not take the token"),
        (Answer(404, b"nothing here"), "answered 404: nothing here: no place for events"),
        (Answer(400, b"no schema"), "takes no event at all, not even a small one"),
    ],
)
def test_who_takes_nothing_at_all_is_waited_for(
    ours: Streamed, siem: Wire, answer: Answer, words: str
) -> None:
    """Else a wrong address would let every event be skipped."""
    ours.happen(3)
    let(siem, refuses=lambda _: answer)

    end = ours.turn()

    assert (end.position, end.refused, end.failures) == (0, 0, 1)
    assert words in str(end.last_error)
    assert {request.path for request in siem.requests} == {"/events"}


def test_pauses_get_longer_up_to_a_minute(ours: Streamed, siem: Wire) -> None:
    ours.happen(1)
    let(siem, refuses=lambda _: Answer(503))

    found = [ours.turn() for _ in range(6)]

    pauses = [
        (each.next_attempt_at - each.failed_at).total_seconds() for each in found if each.failed_at
    ]
    for number, pause in enumerate(pauses):
        usual = min(batches.LONGEST_PAUSE_SECONDS, batches.FIRST_PAUSE_SECONDS * 2**number)
        assert 0.7 * usual < pause < 1.3 * usual


def test_an_event_that_is_never_taken_leaves_a_notice_and_is_not_lost(
    ours: Streamed, siem: Wire
) -> None:
    ours.happen(9, "fine")
    ours.happen(1, "poison")
    ours.happen(9, "fine")

    def refuses(sent: list[dict[str, Any]]) -> Answer | None:
        bad = [each for each in sent if "poison" in str(each["data"].get("leaf"))]
        return Answer(413, b"too large") if bad else None

    taking = let(siem, refuses=refuses)
    end = ours.turn()

    assert positions(taking.taken) == list(range(19))
    assert [each["type"] for each in taking.taken].count(events.WITHHELD) == 1
    withheld = taking.taken[9]
    assert withheld["data"]["withheld"]["type"] == "log.cct-ops.kill-switch.set"
    assert withheld["data"]["withheld"]["reason"] == f"{ours.place.where} answered 413: too large"
    assert (end.position, end.refused) == (19, 1)
    with streams.unnotified(ours.engine) as refused:
        assert [each.position for each in refused] == [9]
    with streams.unnotified(ours.engine) as refused:
        assert refused == []

    taking = let(siem)
    assert streams.send_again(ours.engine, "siem", 9) == 19
    end = ours.turn()
    assert positions(taking.taken) == list(range(9, 19))
    assert f"{taking.taken[0]['id']}/withheld" == withheld["id"]
    assert (end.position, end.refused) == (19, 0)


def test_an_answer_that_comes_too_late_costs_a_copy_and_no_order(
    ours: Streamed, siem: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint had taken them; nobody here can know."""
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", 0.2)
    ours.happen(15)
    taken = Taking()

    def slow(request: Request) -> Answer:
        answer = taken(request)
        if len(siem.requests) == 1:
            time.sleep(0.6)
        return answer

    siem.behave = slow
    first = ours.turn()
    assert first.position == 0
    assert "nothing came within 0.2 s" in str(first.last_error)
    assert ours.turn().position == 15

    kept = {each["id"]: each for each in taken.taken}
    assert positions(list(kept.values())) == list(range(15))
    assert len(taken.taken) == 25


@pytest.mark.parametrize("kept_in", ["env", "file"])
def test_a_token_is_sent_and_never_shown(
    engine: sa.Engine, siem: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_in: str
) -> None:
    place_of_it = {"env": "SIEM_TOKEN", "file": str(tmp_path / "token")}[kept_in]
    where = place(http=f"{siem.url}/?key=k3y", token={kept_in: place_of_it}, scheme="Splunk")
    ours = Streamed(engine, where, tmp_path)
    ours.happen(1)
    assert f"{place_of_it} " in str(ours.turn().last_error)
    monkeypatch.setenv("SIEM_TOKEN", "hec-0123456789")
    (tmp_path / "token").write_text("hec-0123456789\n")
    let(siem, refuses=lambda _: Answer(500, b"token=hec-0123456789"))

    end = ours.turn()

    assert siem.requests[0].headers["Authorization"] == "Splunk hec-0123456789"
    assert end.last_error == f"{siem.url}/ answered 500: token=[redacted]"


def test_a_stream_is_sent_by_one_process_at_a_time(ours: Streamed) -> None:
    with (
        streams.sending(ours.engine, "siem") as mine,
        streams.sending(ours.engine, "siem") as other,
        streams.sending(ours.engine, "archive") as another,
    ):
        assert (mine is None, other is None, another is None) == (False, True, False)
    with streams.sending(ours.engine, "siem") as again:
        assert again is not None


def test_a_stream_that_was_set_back_meanwhile_is_not_moved(ours: Streamed) -> None:
    ours.happen(5)
    ours.turn()
    ours.happen(5)

    with streams.sending(ours.engine, "siem") as cursor:
        assert cursor is not None
        assert streams.send_again(ours.engine, "siem", 2) == 5
        assert not cursor.move(5)
        assert cursor.position == 2

    assert ours.progress().position == 2
    assert streams.send_again(ours.engine, "siem", 3) is None


def test_a_new_stream_begins_now_or_at_the_start(
    engine: sa.Engine, siem: Wire, tmp_path: Path
) -> None:
    ours = Streamed(engine, place(http=siem.url), tmp_path)
    ours.happen(3)
    ours.turn()
    streams.record_named(engine, {"late": False, "all": True})
    found = {each.name: each.position for each in streams.progress(engine)}
    assert found == {"late": 3, "all": 0}
    ours.happen(1)

    streams.record_named(engine, {"late": True, "all": True, "siem": False})

    found = {each.name: each.position for each in streams.progress(engine)}
    assert found == {"late": 3, "all": 0, "siem": 3}


def test_what_is_old_is_not_behind_when_a_stream_begins_with_it(ours: Streamed, siem: Wire) -> None:
    """Neither at its start nor when a person sets it back; it is once nobody takes it."""
    ours.happen(3)
    with ours.engine.begin() as tx:
        year_ago = 'regexp_replace(leaf, \'"at":"20..\', \'"at":"2001\')'
        tx.execute(sa.text(f"update log_leaves set leaf = {year_ago}"))  # noqa: S608 -- of ours
    assert ours.progress().behind_seconds < 60
    ours.turn()
    assert ours.progress().behind_seconds == 0
    with ours.engine.begin() as tx:
        tx.execute(sa.text("update audit_streams set added_at = now() - interval '1 hour'"))
    streams.send_again(ours.engine, "siem", 0)
    assert 0 < ours.progress().behind_seconds < 60


def test_who_cannot_let_go_of_a_stream_is_not_asked_again(ours: Streamed) -> None:
    """The lock is gone with the connection, also where it was cut in the middle."""
    ours.happen(1)
    with streams.sending(ours.engine, "siem") as cursor:
        assert cursor is not None
        heard = sa.text("select current_setting('tcp_keepalives_idle')")
        assert cursor.connection.execute(heard).scalar_one() == "20"
        backend = cursor.connection.execute(sa.text("select pg_backend_pid()")).scalar_one()
        with ours.engine.begin() as tx:
            tx.execute(sa.text("select pg_terminate_backend(:it, 5000)"), {"it": backend})
        with pytest.raises(sa.exc.DBAPIError):
            cursor.move(1)

    assert ours.progress().position == 0
    assert ours.turn().position == 1


def test_an_event_alone_is_sent_in_the_form_for_one(
    engine: sa.Engine, siem: Wire, tmp_path: Path
) -> None:
    ours = Streamed(engine, place(http=siem.url, batch_events=1), tmp_path)
    ours.happen(2)
    taking = let(siem)

    ours.turn()

    assert positions(taking.taken) == [0, 1]
    kinds = {request.headers["Content-Type"] for request in siem.requests}
    assert kinds == {"application/cloudevents+json; charset=utf-8"}


def test_what_is_sent_is_read_by_a_gateway_that_takes_cloudevents(
    ours: Streamed, siem: Wire
) -> None:
    """Ours: another program than the one that sends."""
    fields = {
        "status": "type",
        "firing": ["log.cct-ops.kill-switch.set"],
        "incident": ["source", "id"],
        "starts_at": "time",
        "labels": {"alertname": "type", "person": "data.leaf.row.person"},
    }
    source = SOURCES["cloudevents"].model_copy(update={"fields": Fields.model_validate(fields)})
    let(siem)
    ours.happen(3)
    ours.turn()

    (sent,) = siem.requests
    headers = {name.lower(): value for name, value in sent.headers.items()}
    read = kinds.read(Sent(source, headers, sent.body).received, source)

    assert ([alert.labels["person"] for alert in read.alerts], read.note) == (["ada"] * 3, None)
