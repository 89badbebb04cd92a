"""``cct-ops audit streams``: where each stream is, and sending some of it once more."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.commands.conftest import Program, Typed
from tests.record.streamed import Streamed, place


@pytest.fixture
def ours(engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Streamed:
    """A stream into a file, in the policy that commands read."""
    path = tmp_path / "policy.yaml"
    streams = "{name: siem, file: audit.jsonl}, {name: new, http: 'https://a.example/x?key=k3y'}"
    path.write_text(f"playbooks: {{}}\naudit:\n  streams: [{streams}]\n")
    monkeypatch.setenv("CCT_OPS_POLICY_PATH", str(path))
    return Streamed(engine, place(file="audit.jsonl"), tmp_path)


def test_each_stream_of_the_policy_is_shown_with_where_it_is(typed: Typed, ours: Streamed) -> None:
    ours.happen(3)
    ours.turn()

    said = typed("audit streams")

    assert "up to date" in said
    assert "no controller has seen it yet" in said
    assert "https://a.example/x " in said
    assert "k3y" not in said
    ours.happen(2)
    siem, new = json.loads(typed("audit streams --json"))
    assert (siem["name"], siem["kind"], siem["where"]) == ("siem", "file", "audit.jsonl")
    assert (siem["next"], siem["waiting"], siem["refused"]) == (3, 2, 0)
    assert siem["state"].startswith("behind by ")
    assert (new["next"], new["waiting"]) == (None, None)


def test_a_failure_is_shown_with_its_words(typed: Typed, ours: Streamed) -> None:
    (ours.folder / "audit.jsonl").mkdir()
    ours.happen(1)
    ours.turn()

    assert "audit.jsonl cannot be written: Is a directory" in typed("audit streams")


def test_one_that_policy_no_longer_names_is_shown_as_such(
    typed: Typed, ours: Streamed, tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text("playbooks: {}\n")

    assert "no longer in policy" in typed("audit streams")


def test_a_stream_is_set_back_to_an_index_or_a_moment(
    typed: Typed, program: Program, ours: Streamed
) -> None:
    ours.happen(3)
    before = datetime.now(UTC)
    ours.happen(2)
    ours.turn()

    said = typed("audit streams resend siem --from 1")
    assert said == "siem goes back from event 5 to 1; the controller sends on from there.\n"
    assert ours.turn().position == 5
    assert "from event 5 to 3" in typed(f"audit streams resend siem --from {before.isoformat()}")
    assert "from event 3 to 0" in typed("audit streams resend siem --from 1h")
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for words, why in (
        ("siem --from 5", "siem has not come to event 5 yet: the next that it sends is 0"),
        (f"siem --from {later}", "siem has not come to event 5 yet"),
        ("other --from 0", "there is no stream other in the ledger; there are: siem"),
        ("siem --from soon", "--from 'soon' is no moment"),
        (f"siem --from {'9' * 30}", "there is no such event"),
    ):
        ended = program("audit", "streams", "resend", *words.split())
        assert ended.code == 1
        assert why in ended.err
