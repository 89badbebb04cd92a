"""What the evaluation of the streams counts: all events, or the one that is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.config.audit_streams import StreamPlace
from evaluation.siem import __main__ as siem


@pytest.fixture
def lines(engine: sa.Engine, tmp_path: Path) -> list[bytes]:
    """What a stream of ten things that happened leaves in a file."""
    siem.fill(engine, 10)
    assert siem.sent_in(engine, tmp_path, StreamPlace(name="a", file=Path("a.jsonl")), 10) > 0
    return (tmp_path / "a.jsonl").read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("whole", "10 of 10 events, 0 missing, 0 copies, 0 out of order"),
        ("copies", "10 of 10 events, 0 missing, 3 copies, 0 out of order"),
        ("missing", "9 of 10 events, 1 missing, 0 copies, 0 out of order"),
        ("swapped", "10 of 10 events, 0 missing, 0 copies, 1 out of order"),
    ],
)
def test_what_is_missing_or_out_of_order_is_counted(
    lines: list[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, said: str
) -> None:
    if what == "copies":
        lines[5:5] = lines[2:5]
    elif what == "missing":
        del lines[4]
    elif what == "swapped":
        lines[4], lines[5] = lines[5], lines[4]
    file = tmp_path / "taken"
    file.write_bytes(b"".join(lines))

    assert siem.judged("http", file, 10) is (what in {"missing", "swapped"})

    assert said in capsys.readouterr().out
    assert {json.loads(line)["type"] for line in lines} == {"log.cct-ops.decision.made"}
