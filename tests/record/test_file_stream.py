"""A stream into a file: whole lines in order, whatever is killed, rotated or full."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.conftest import ROOT
from tests.record.streamed import Streamed, place, positions

KILLS = 4
NAMED = {"file": "audit.jsonl", "batch_events": 10}


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the events in a file, each of which is a whole line."""
    content = path.read_bytes()
    assert content.endswith(b"\n")
    return [json.loads(line) for line in content.splitlines()]


@pytest.fixture
def ours(engine: sa.Engine, tmp_path: Path) -> Streamed:
    """A stream into a file beside the log's key."""
    return Streamed(engine, place(**NAMED), tmp_path)


@pytest.fixture
def path(ours: Streamed) -> Path:
    """The file."""
    return ours.folder / "audit.jsonl"


def test_each_event_is_a_line(ours: Streamed, path: Path) -> None:
    ours.happen(25)

    end = ours.turn()

    assert positions(lines(path)) == list(range(25))
    assert end.position == 25
    assert path.stat().st_mode & 0o777 == 0o640


def test_half_a_line_is_written_anew_as_a_whole(ours: Streamed, path: Path) -> None:
    ours.happen(3)
    ours.turn()
    whole = path.read_bytes()
    ours.happen(2)
    for torn in (b"{", b'{"specversion":"1.', b'{"id": "' + b"x" * 100_000):
        path.write_bytes(whole + torn)
        ours.turn()
        assert positions(lines(path)) == [0, 1, 2, 3, 4]
        with ours.engine.begin() as tx:
            tx.execute(sa.text("update audit_streams set position = 3"))


def test_a_file_of_somebody_else_is_left_alone(ours: Streamed, path: Path) -> None:
    path.write_text("root:x:0:0")
    ours.happen(1)

    end = ours.turn()

    assert path.read_text() == "root:x:0:0"
    assert end.last_error == (
        f"{path} ends with half a line that is no event of ours: name another file"
    )


@pytest.mark.parametrize("what", ["folder", "pipe", "nowhere"])
def test_what_is_no_file_is_named(ours: Streamed, path: Path, what: str) -> None:
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        ours.folder = ours.folder / "missing"
    ours.happen(1)

    end = ours.turn()

    assert end.position == 0
    assert str(ours.folder / "audit.jsonl") in str(end.last_error)


def test_a_file_that_was_moved_away_is_followed_by_a_new_one(
    ours: Streamed, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the middle of a turn, as logrotate does it; and one that was emptied is filled."""
    ours.happen(30)
    moved, fsync = path.with_suffix(".jsonl.1"), os.fsync

    def rotate(place: int) -> None:
        fsync(place)
        if not moved.exists():
            path.rename(moved)

    monkeypatch.setattr(os, "fsync", rotate)
    ours.turn()
    assert positions(lines(moved)) == list(range(10))
    assert positions(lines(path)) == list(range(10, 30))

    os.truncate(path, 0)
    ours.happen(1)
    ours.turn()
    assert positions(lines(path)) == [30]


def test_a_full_disk_is_waited_for(ours: Streamed, path: Path) -> None:
    ours.happen(3)
    ours.turn()
    ours.happen(20)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 1000, before[1]))
    try:
        first = ours.turn()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert first.position == 3
    assert "File too large" in str(first.last_error)

    assert ours.turn().position == 23
    kept = {each["id"]: each for each in lines(path)}
    assert positions(list(kept.values())) == list(range(23))


def test_a_kill_in_the_middle_of_a_write_leaves_no_gap_and_no_half_line(
    ours: Streamed, path: Path, ledger_url: SecretStr
) -> None:
    """Each kill is so many bytes into what a process writes."""
    ours.happen(60)
    dice = Random(7)  # noqa: S311 -- the same places each time
    for _ in range(KILLS):
        command = [sys.executable, "-m", "tests.record.torn", ledger_url.get_secret_value()]
        command += [str(ours.folder), str(dice.randrange(1, 20_000))]
        ended = subprocess.run(command, cwd=ROOT, check=False)
        assert ended.returncode == -9

    assert ours.turn().position == 60

    found = positions(lines(path))
    assert list(dict.fromkeys(found)) == list(range(60))
