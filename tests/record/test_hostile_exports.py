"""Files that somebody made to mislead or to stop a verifier: both say what is wrong, and end."""

from __future__ import annotations

import base64
import hashlib
import json
import resource
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cct_ops.commands import audit_verdict
from cct_ops.errors import BadConfiguration
from cct_ops.record import export, offline, tree, witness
from cct_ops.record.canonical import canonical
from cct_ops.record.notes import Signer
from tests.record.test_export import STRANGERS, stranger, written

problems: Callable[..., list[str]] = runpy.run_path(str(STRANGERS))["problems"]
SIGNER = Signer.new("log.example/1")
TEXTS = [
    canonical(
        {
            "at": f"2026-11-29T10:00:0{at}Z",
            "key": f"k{at}",
            "kind": "decisions",
            "operation": "insert",
            "row": {"a": at},
        }
    ).decode()
    for at in range(7)
]
RAW = written(TEXTS, SIGNER)
LINES = RAW.split(b"\n")
LEAF = json.loads(LINES[2])
NOTE: str = json.loads(LINES[1])["checkpoint"]
DEEP = b"[" * 100_000


def replaced(at: int, line: bytes) -> bytes:
    """Put another line into the export."""
    return b"\n".join([*LINES[:at], line, *LINES[at + 1 :]])


def sealed(lines: list[bytes], content: str = '{"from":0,"made":"2100"}') -> bytes:
    """Sign a manifest over lines, as somebody can who has the key."""
    rest = b"\n".join(lines)
    text = f"{export.MANIFEST}\n{hashlib.sha256(rest).hexdigest()}\n{content}\n"
    return json.dumps({"manifest": SIGNER.sign(text)}).encode() + b"\n" + rest


def both(raw: bytes, folder: Path) -> tuple[list[str], list[str]]:
    """Let both verifiers look at a file."""
    file = folder / "export.jsonl"
    file.write_bytes(raw)
    return offline.verify(file, SIGNER.verifier).findings, problems(raw, str(SIGNER.verifier))


@pytest.mark.parametrize("at", [0, 1, 2, 8])
@pytest.mark.parametrize(
    "junk",
    [
        b"[]",
        b"5",
        b"NaN",
        b"\xff\xfe",
        b"{",
        DEEP,
        b'{"manifest":5}',
        b'{"manifest":{}}',
        b'{"manifest":"a\\nb\\n[]\\n\\n"}',
        b'{"checkpoint":5}',
        b'{"manifest":"","manifest":5}',
    ],
)
def test_a_line_that_is_none_of_an_export_is_named(junk: bytes, at: int, tmp_path: Path) -> None:
    for found in both(replaced(at, junk), tmp_path):
        assert any(each.startswith(f"line {at + 1} is no ") for each in found)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("position", 1e400),
        ("position", float("nan")),
        ("position", None),
        ("position", "x"),
        ("leaf", "\ud800"),
        ("leaf", 5),
        ("leaf", None),
        ("proof", 5),
        ("proof", ["x"]),
        ("proof", [5]),
    ],
)
def test_a_field_that_is_none_of_a_leaf_is_named(field: str, value: Any, tmp_path: Path) -> None:
    line = json.dumps({**LEAF, field: value}).encode()
    for raw in (replaced(2, line), sealed([LINES[1], line, *LINES[3:]])):
        for found in both(raw, tmp_path):
            assert "line 3 is no leaf" in found
            assert "leaf 0 is missing" in found


@pytest.mark.parametrize(
    "text",
    [
        DEEP.decode(),
        '{"kind":[],"key":{},"operation":"insert","at":1,"row":1}',
        '{"kind":"k","key":"k","operation":"insert","at":1,"row":' + "9" * 5000 + "}",
    ],
)
def test_a_leaf_that_no_log_made_is_named(text: str, tmp_path: Path) -> None:
    """Its place is right: somebody who has the key put it into a log."""
    for found in both(written([*TEXTS, text], SIGNER), tmp_path):
        assert len(found) == 1
        assert found[0].startswith("leaf 7, ")


def test_no_leaf_speaks_to_the_terminal(tmp_path: Path) -> None:
    """Otherwise a forged row could wipe the screen and write the verdict itself."""
    said = {**json.loads(TEXTS[0]), "key": "k\n\r\x1b[2J\x9b\u202e\ud800Whole: everything"}
    line = json.dumps({**LEAF, "leaf": json.dumps(said)}).encode()
    for found in both(replaced(2, line), tmp_path):
        assert any(each.startswith("leaf 0, insert of decisions k") for each in found)
        assert all(each.isprintable() for each in found)
        "\n".join(found).encode()


@pytest.mark.parametrize("size", ["1000000000000000", "9" * 18, "9" * 300, "9" * 5000])
def test_a_size_that_no_file_can_hold_takes_no_memory(size: str, tmp_path: Path) -> None:
    """What is claimed is not believed before it is there, whoever signed it."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    note = NOTE.replace("\n7\n", f"\n{size}\n", 1)
    signed = SIGNER.sign(note.partition("\n\n")[0] + "\n")
    line, own = (json.dumps({"checkpoint": each}).encode() for each in (note, signed))
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, before[1]))
    try:
        for raw in (replaced(1, line), sealed([own, *LINES[2:]])):
            for found in both(raw, tmp_path):
                assert any("checkpoint" in each for each in found)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        '{"from":"x","made":"2100"}',
        '{"from":null,"made":"2100"}',
        '{"from":1e400,"made":"2100"}',
        '{"positions":5,"made":"2100"}',
        '{"positions":[[1]],"made":"2100"}',
        '{"positions":["x",1],"made":"2100"}',
        '{"made":"2100"}',
    ],
)
def test_a_signed_manifest_that_says_nothing_is_none(content: str, tmp_path: Path) -> None:
    for found in both(sealed(LINES[1:], content), tmp_path):
        assert "line 1 is no manifest of an export" in found


@pytest.mark.parametrize(
    "line",
    [
        '{"at":"2026","checkpoint":5,"leaves":""}',
        '{"at":"2026","checkpoint":"x","leaves":""}',
        '{"at":"2026","checkpoint":"\\ud800","leaves":""}',
        '{"at":"2026","checkpoint":[],"leaves":[]}',
        "[]",
        DEEP.decode(),
    ],
)
def test_a_line_of_a_witness_that_is_none_counts_as_torn(line: str, tmp_path: Path) -> None:
    hashes = b"".join(tree.leaf_hash(each.encode()) for each in TEXTS)
    right = {"at": "2026", "checkpoint": NOTE, "leaves": base64.b64encode(hashes).decode()}
    kept, file = tmp_path / "witness.jsonl", tmp_path / "export.jsonl"
    kept.write_text(f"{line}\n{json.dumps(right)}\n{line}\n")
    file.write_bytes(RAW)
    seen = witness.read(kept)
    assert (len(seen.hashes), seen.notes) == (7, [NOTE])
    assert offline.verify(file, SIGNER.verifier, offline.Outside(seen)).findings == []
    said = stranger(file, "--key", str(SIGNER.verifier), "--witness", str(kept))
    assert (said.returncode, said.stderr) == (0, "")


def test_the_key_of_the_log_is_that_of_no_witness(tmp_path: Path) -> None:
    """Whoever takes one key for the other must not read that a witness has cosigned."""
    file = tmp_path / "export.jsonl"
    file.write_bytes(RAW)
    key = str(SIGNER.verifier)
    said = stranger(file, "--key", key, "--witness-key", key)
    assert (said.returncode, said.stdout) == (
        1,
        f"the checkpoint over 7 leaves is not cosigned by {key}\n",
    )


@pytest.mark.parametrize("around", ["{}\r\n\r\n", "  {}  \n", "\ufeff{}\r\n"])
def test_a_file_with_a_key_may_come_from_elsewhere(around: str, tmp_path: Path) -> None:
    file, key = tmp_path / "export.jsonl", tmp_path / "log.pub"
    file.write_bytes(RAW)
    key.write_text(around.format(SIGNER.verifier), encoding="utf-8", newline="")
    assert stranger(file, "--key", str(key)).stdout.startswith("Whole: ")
    assert audit_verdict.of_export(file, str(key), offline.NOBODY) == 0


def test_a_file_with_no_key_is_said_to_be_none(tmp_path: Path) -> None:
    file, key = tmp_path / "export.jsonl", tmp_path / "log.pub"
    file.write_bytes(RAW)
    key.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadConfiguration, match="this verifier key is not"):
        audit_verdict.of_export(file, str(key), offline.NOBODY)


def test_an_export_that_was_cut_is_found_at_each_byte(tmp_path: Path) -> None:
    """At the end of a line, and within one."""
    cuts = {0, 1, len(RAW) - 2, len(RAW) - 1, *range(3, len(RAW), 97)}
    cuts |= {at + more for at, each in enumerate(RAW) if each == 10 for more in (0, 1)}
    for cut in sorted(cuts - {len(RAW)}):
        for found in both(RAW[:cut], tmp_path):
            assert found, cut
