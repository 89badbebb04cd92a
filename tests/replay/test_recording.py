"""The history of a ledger: replayed by the rules that held it opens what was opened."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from cct_ops.errors import BadConfiguration
from cct_ops.ledger.intake.tables import alerts, incidents
from cct_ops.replay import history
from cct_ops.replay.engine import replay
from cct_ops.replay.history import Delivered
from cct_ops.replay.intake import Intake, Opening
from cct_ops.replay.recording import history_of, reading, without_shapes
from cct_ops.replay.rules import RuleFiles, read_rules
from tests.conftest import ROOT
from tests.gateway.delivering import later, take
from tests.gateway.signing import SOURCES

FILES = RuleFiles(*(ROOT / "deployments" / f"{n}.yaml" for n in ("sources", "routes", "policy")))
HOUR = timedelta(hours=1)


def body(state: str = "firing", number: int = 1, minute: int = 0, **labels: str) -> object:
    """Return what Alertmanager says of one thing that began then."""
    began = f"2026-11-23T12:{minute:02}:00Z"
    end = {"endsAt": "2026-11-23T12:30:00Z"} if state == "resolved" else {}
    said = {"alertname": "X", "n": str(number), **labels}
    alert = {"status": state, "labels": said, "annotations": {}, "startsAt": began, **end}
    return {"version": "4", "alerts": [alert]}


def undated(state: str) -> object:
    """Return what a sender says that gives no time."""
    return {"state": state, "id": "7", "name": "X", "at": ""}


def story(engine: sa.Engine) -> None:
    """Let in beginnings, repetitions, ends, ends without a beginning, and what nobody can read."""
    for content in (body(), body(), body(number=2), body("resolved"), body(minute=10)):
        take(engine, "alertmanager", content)
        later(engine, 60)
    take(engine, "alertmanager", body("resolved", 3, 5))
    take(engine, "alertmanager", body(number=3, minute=5))
    take(engine, "alertmanager", body(minute=45))
    take(engine, "grafana", body(number=9))
    take(engine, "json", b"{}".decode())
    later(engine, 60)
    take(engine, "alertmanager", body(number=2))


def test_a_replay_of_a_ledger_opens_the_same_incidents_and_judges_every_alert_alike(
    engine: sa.Engine, tmp_path: Path
) -> None:
    """From the ledger itself, and from a file that was written of it."""
    story(engine)
    file = tmp_path / "history.jsonl"
    history.write(file, history_of(engine, datetime.now(UTC) - HOUR))

    for lines in (history_of(engine, datetime.now(UTC) - HOUR), history.read(file)):
        intake = Intake(SOURCES)
        opened = []
        for line in lines:
            if isinstance(line, Delivered):
                arrival = intake.read(line)
                for moment in line.at:
                    found = list(intake.take(arrival, moment))
                    opened += [each for each in found if isinstance(each, Opening)]
        with engine.connect() as connection:
            really = set(connection.scalars(sa.select(incidents.c.id)))
            said = sa.select(alerts.c.verdict, sa.func.count()).group_by(alerts.c.verdict)
            verdicts = dict(connection.execute(said).tuples().all())

        assert {each.incident for each in opened} == really
        assert all(each.really == each.incident for each in opened)
        # what a copy says again is written down nowhere
        told = {what: number for what, number in intake.counts.items() if what != "seen"}
        assert told == {**verdicts, "quarantined": 1}


def test_what_was_open_before_is_no_news(engine: sa.Engine) -> None:
    """And what ended long before may come again."""
    take(engine, "alertmanager", body())
    take(engine, "alertmanager", body(number=2))
    take(engine, "alertmanager", body("resolved", 2))
    later(engine, 7200)
    take(engine, "alertmanager", body(annotated="now"))
    take(engine, "alertmanager", body(minute=1))
    take(engine, "alertmanager", body(number=2, minute=40))

    done = replay(read_rules(FILES), history_of(engine, datetime.now(UTC) - HOUR))

    assert dict(done.counts) == {"opened": 2, "seen": 1}


def test_a_history_is_read_where_nothing_can_be_written(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        raw = connection.connection.cursor()
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            raw.execute("delete from deliveries")


def test_a_file_holds_no_secret_and_is_whole_or_not_there(
    engine: sa.Engine, tmp_path: Path
) -> None:
    token = "ghp_" + "a" * 36
    take(engine, "alertmanager", body(password=f"password={token}"))
    file = tmp_path / "history.jsonl"

    history.write(file, history_of(engine, datetime.now(UTC) - HOUR))

    assert token not in file.read_text()
    assert json.loads(file.read_text().splitlines()[-1])["kind"] == "delivery"
    assert without_shapes(b'{"a": 1.50}') == b'{"a": 1.50}'
    assert without_shapes(f'["{token}", {{"a": 1.5}}]'.encode()) == b'["[redacted]", {"a": 1.5}]'
    assert token.encode() not in without_shapes(b"\xff" + token.encode())
    with pytest.raises(BadConfiguration, match="cannot be written: No such file"):
        history.write(tmp_path / "no" / "where", ())
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("place", [".", "..", "/", "file/below", "a" * 252, "a" * 300, "fifo"])
def test_where_no_file_can_be_a_history_is_not_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(BadConfiguration, match="cannot be written"):
        history.write(tmp_path / place, ())

    assert (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "fifo").is_fifo()
    assert len(list(tmp_path.iterdir())) == 2


AN_ID = "00000000-0000-0000-0000-000000000001"
HEADER = (
    '{"kind": "history", "format": 1, "since": "2026-01-01T00:00Z", "until": "2026-01-02T00:00Z"}'
)
DELIVERY = f'{{"kind": "delivery", "id": "{AN_ID}", "source": "s", "at": ["%s"]}}'
WRONG = {
    "is empty": "",
    ":1: is no line of a history: kind": "nonsense\n",
    ":1: a history begins with one line": DELIVERY % "2026-01-01T00:00Z",
    ":2: a history begins with one line": f"{HEADER}\n{HEADER}",
    "is of form 2, and this release reads form 1": HEADER.replace("1,", "2,", 1),
    ":3: a line of kind switch stands too late": f"{HEADER}\n{DELIVERY % '2026-01-01T00:00Z'}\n"
    '{"kind": "switch", "at": "2026-01-01T00:00Z", "stopped": true}',
    ":3: came before the delivery": f"{HEADER}\n{DELIVERY % '2026-01-01T01:00Z'}\n"
    f"{DELIVERY % '2026-01-01T00:00Z'}",
}


@pytest.mark.parametrize("said", WRONG)
def test_a_wrong_file_is_one_sentence_with_its_line(tmp_path: Path, said: str) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text(WRONG[said])

    with pytest.raises(BadConfiguration) as error:
        list(history.read(file))

    assert said.removeprefix(":1: is no line of a history: kind") in str(error.value)
    with pytest.raises(BadConfiguration, match="cannot be read"):
        list(history.read(tmp_path))
