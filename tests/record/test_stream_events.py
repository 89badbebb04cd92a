"""Leaves as CloudEvents: whole, known again, about their incident, and without a secret."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from cct_ops.ledger.gate import switches
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.record import log, log_selection
from cct_ops.ledger.record.log import Leaf
from cct_ops.ledger.record.log_incidents import Related
from cct_ops.ledger.record.logged import LOGGED
from cct_ops.record import tree
from cct_ops.record.canonical import canonical
from cct_ops.record.stream import events
from tests.conftest import ROOT
from tests.ledger.alerts import firing, opened, resolved
from tests.record.a_day import a_day
from tests.record.streamed import ORIGIN, Streamed, place, positions

PAGE = ROOT / "docs" / "siem.md"


def sent(engine: sa.Engine, folder: Path) -> list[dict[str, Any]]:
    """Return everything that a stream has to say."""
    ours = Streamed(engine, place(file="all.jsonl", batch_events=1000), folder)
    ours.happen(0)
    ours.turn()
    return [json.loads(line) for line in (folder / "all.jsonl").read_bytes().splitlines()]


def test_every_kind_of_row_has_its_words() -> None:
    assert set(events.KINDS) == {each.table for each in LOGGED}
    assert {name for name, words in events.KINDS.items() if words.changed} == {
        each.table for each in LOGGED if each.changing
    }


def test_the_page_lists_the_types_that_there_are() -> None:
    row = re.compile(r"^\| `(log\.cct-ops\.[a-z.-]+)` \| `([a-z_]+)` \|", re.MULTILINE)
    listed = row.findall(PAGE.read_text())
    made = {(events.type_of(kind, "insert"), kind) for kind in events.KINDS}
    made |= {
        (events.type_of(kind, "update"), kind) for kind, w in events.KINDS.items() if w.changed
    }

    assert sorted(listed) == sorted(made)


def test_an_event_is_what_the_standard_and_its_library_take(
    engine: sa.Engine, tmp_path: Path
) -> None:
    incident = opened(engine)
    (found,) = sent(engine, tmp_path)

    read = JSONFormat().read(CloudEvent, json.dumps(found))

    with engine.connect() as connection:
        (leaf,) = log.leaves_at(connection, [0])
    assert read.get_id() == f"{ORIGIN}/0/{leaf.hash.hex()[:16]}"
    assert read.get_source() == ORIGIN
    assert read.get_type() == "log.cct-ops.delivery.received"
    assert read.get_subject() == str(incident)
    assert read.get_extension("sequence") == "0" * 19
    assert read.get_time() == datetime.fromisoformat(json.loads(leaf.leaf)["at"])
    assert found["data"]["alerts"] == [
        {
            "incident_id": str(incident),
            "status": "firing",
            "verdict": "opened",
            "alertname": "CanaryRolledBack",
            "severity": None,
            "supersedes": None,
        }
    ]


def test_whoever_has_an_event_can_prove_its_leaf(engine: sa.Engine, tmp_path: Path) -> None:
    """The leaf stands in it as it is; its hash follows, and proofs lead from there."""
    switches.stop(engine, "Grüße, “quoted” \\ and 1.0e5", "ada")

    (found,) = sent(engine, tmp_path)

    again = canonical(found["data"]["leaf"])
    assert found["data"]["leaf_hash"] == tree.leaf_hash(again).hex()
    assert found["data"]["leaf_hash"] == hashlib.sha256(b"\0" + again).hexdigest()


def test_a_delivery_about_several_incidents_names_each(engine: sa.Engine, tmp_path: Path) -> None:
    alerts = [firing(alertname="A"), firing(alertname="B")]
    incidents = deliveries.record(engine, "alertmanager", b"{}", alerts).incidents

    (found,) = sent(engine, tmp_path)

    assert "subject" not in found
    named = [each["incident_id"] for each in found["data"]["alerts"]]
    assert named == list(map(str, incidents))


def test_the_end_of_an_incident_is_heard_however_it_came(engine: sa.Engine, tmp_path: Path) -> None:
    """By a delivery, by one that opens the next, or by the silence of its sender."""
    later = firing(datetime.now(UTC) + timedelta(days=1), alertname="A")
    heard = (
        firing(alertname="A"),
        later.model_copy(update={"episodic": True}),
        firing(alertname="B"),
        resolved(firing(alertname="B")),
    )
    made = [deliveries.record(engine, "json", bytes([at]), [each]) for at, each in enumerate(heard)]
    one, two, three = made[0].incidents[0], made[1].incidents[0], made[2].incidents[0]
    assert deliveries.expire(engine, "json", 0) == 1

    found = sent(engine, tmp_path)

    alerts = [each["data"]["alerts"][0] for each in found[:-1]]
    assert [(each["verdict"], each["supersedes"]) for each in alerts] == [
        ("opened", None),
        ("opened", str(one)),
        ("opened", None),
        ("closed", None),
    ]
    assert alerts[3]["incident_id"] == str(three)
    assert (found[-1]["type"], found[-1]["subject"]) == ("log.cct-ops.incident.expired", str(two))


def test_a_secret_that_a_person_typed_does_not_leave(engine: sa.Engine, tmp_path: Path) -> None:
    switches.stop(engine, "password=hunter2-hunter2 does not work", "ada")

    (found,) = sent(engine, tmp_path)

    assert found["data"]["leaf"]["row"]["reason"] == "password=[redacted] does not work"
    assert found["data"]["redacted"] is True
    assert "hunter2" not in json.dumps(found)


def test_a_number_under_the_name_of_a_secret_is_no_secret() -> None:
    said: dict[str, Any] = {"kind": "permits", "key": "x", "operation": "insert"}
    said |= {"at": "2026-01-01T00:00:00Z", "row": {"fencing_token": 1234567}}
    leaf = Leaf(7, "permits", "x", canonical(said).decode(), b"\1" * 32)

    made = json.loads(events.event(leaf, said, Related(None), ORIGIN))

    assert made["data"] == {"leaf": said, "leaf_hash": "01" * 32}


def test_of_a_ledger_that_was_put_back_events_are_not_taken_for_old_ones(
    engine: sa.Engine, tmp_path: Path
) -> None:
    ours = Streamed(engine, place(file="all.jsonl"), tmp_path)
    ours.happen(1, "first")
    ours.turn()
    with engine.begin() as tx:
        tx.execute(sa.text("delete from log_leaves"))
        tx.execute(sa.text("update audit_streams set position = 0"))
    ours.happen(1, "second")
    ours.turn()

    first, second = map(json.loads, (tmp_path / "all.jsonl").read_bytes().splitlines())
    assert first["sequence"] == second["sequence"]
    assert first["id"] != second["id"]


def test_sequences_are_in_order_as_texts() -> None:
    about = Related(None)
    said = {"kind": "switches", "key": "1", "operation": "insert", "at": "2026-01-01T00:00:00Z"}
    found = [
        json.loads(events.event(Leaf(at, "switches", "1", "{}", b"\0" * 32), said, about, ORIGIN))
        for at in (9, 10, 2**62)
    ]

    texts = [each["sequence"] for each in found]
    assert texts == sorted(texts)


def test_every_row_about_an_incident_says_so(engine: sa.Engine, tmp_path: Path) -> None:
    """The events of which it is the subject are those that an export of it has, in that order."""
    day = a_day(engine)
    found = sent(engine, tmp_path)

    for incident in ("fixed", "undone", "paged", "again", "waits"):
        named = day.ids[incident]
        with engine.connect() as connection:
            exported = log_selection.positions_about(connection, UUID(named), log.size(engine))
        assert positions([each for each in found if each.get("subject") == named]) == exported
    kinds = {each["type"].split(".")[2] for each in found if "subject" in each}
    assert {"delivery", "decision", "approval", "permit", "action", "verification"} <= kinds


def test_what_stood_there_before_the_log_is_said_to_be_found(
    released_engine: sa.Engine, tmp_path: Path
) -> None:
    found = sent(released_engine, tmp_path)

    assert {each["type"].rpartition(".")[2] for each in found} == {"found"}
