"""An export proves itself to a stranger, and whatever is done to it is found by both verifiers."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import os
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from cct_ops.errors import BadConfiguration
from cct_ops.ledger.gate import switches
from cct_ops.ledger.record import log, log_selection
from cct_ops.record import export, keys, offline, tree, witness
from cct_ops.record.audit import roots
from cct_ops.record.canonical import canonical
from cct_ops.record.notes import Checkpoint, Signer, Verifier
from cct_ops.record.offline import Outside
from cct_ops.record.witness import Witnessed
from tests.conftest import ROOT
from tests.ledger.alerts import opened
from tests.ledger.history import a_run, decided
from tests.record.recorded import Recorded, edited, recorded

STRANGERS = ROOT / "docs" / "audit" / "verify.py"
ROUNDS = 10_000 if os.environ.get("TAMPERINGS") == "all" else 300
WAYS = ("edit", "delete", "insert", "swap", "truncate", "older dump")
HANDS = ("file", "hashes", "key")

problems: Callable[..., list[str]] = runpy.run_path(str(STRANGERS))["problems"]
read_witness: Callable[[Path], Any] = runpy.run_path(str(STRANGERS))["read_witness"]


@dataclass(frozen=True)
class Untouched:
    """A whole export, and what it takes to tamper with it."""

    raw: bytes
    signer: Signer
    seen: Witnessed
    seen_by_strangers: Any
    folder: Path

    @property
    def texts(self) -> list[str]:
        """What its leaves say."""
        return [json.loads(line)["leaf"] for line in self.raw.splitlines()[2:]]

    def findings(self, raw: bytes) -> tuple[list[str], list[str]]:
        """Let both verifiers look at a file."""
        file, key = self.folder / "export.jsonl", self.signer.verifier
        file.write_bytes(raw)
        ours = offline.verify(file, Verifier.parse(str(key)), Outside(self.seen)).findings
        return ours, problems(raw, str(key), self.seen_by_strangers)


def stranger(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Let a stranger verify a file, with nothing of ours on any path."""
    command = [sys.executable, "-I", str(STRANGERS), str(file), *options]
    return subprocess.run(command, check=False, capture_output=True, text=True, env={})


def exported(engine: sa.Engine, file: Path, signer: Signer, **about: Any) -> bytes:
    """Export everything, or what is named."""
    with engine.connect() as connection:
        note, size, made = export.newest(connection)
        positions = about.get("positions", range(size))
        whole = {**(about or {"from": 0}), "made": made}
        export.write(connection, file, signer, note, list(positions), whole)
    return file.read_bytes()


@pytest.fixture
def ours(engine: sa.Engine, tmp_path: Path) -> Recorded:
    """A ledger with a history that is witnessed."""
    return recorded(engine, tmp_path / "record")


@pytest.fixture
def untouched(ours: Recorded, tmp_path: Path) -> Untouched:
    """An export of all of it."""
    return Untouched(
        exported(ours.engine, tmp_path / "all.jsonl", ours.signer),
        ours.signer,
        witness.read(ours.witness),
        read_witness(ours.witness),
        tmp_path,
    )


def written(texts: list[str], signer: Signer) -> bytes:
    """Write an export as somebody would who has the key: as if these had been the leaves."""
    hashes = [tree.leaf_hash(text.encode()) for text in texts]
    stored = {(0, at): each for at, each in enumerate(hashes)} | dict(tree.grown(0, [], hashes))
    ((size, root),) = roots(hashes, {len(texts)})
    checkpoint = signer.sign(Checkpoint(signer.name, size, root).body())
    lines = [json.dumps({"checkpoint": checkpoint})]
    for at, text in enumerate(texts):
        proof = [
            base64.b64encode(each).decode()
            for each in tree.proven(tree.inclusion(at, size), stored.__getitem__)
        ]
        lines.append(json.dumps({"leaf": text, "position": at, "proof": proof}))
    rest = "".join(f"{line}\n" for line in lines).encode()
    content = canonical({"from": 0, "made": "2100-01-01T00:00:00.000000Z"}).decode()
    digest = hashlib.sha256(rest).hexdigest()
    manifest = signer.sign(f"{export.MANIFEST}\n{digest}\n{content}\n")
    return json.dumps({"manifest": manifest}).encode() + b"\n" + rest


def tampered(untouched: Untouched, dice: Random, how: str, hands: str) -> tuple[bytes, set[str]]:
    """
    Do one thing to an export; returns it, and the names of which one must be told.

    ``hands`` change the file alone, or make all hashes and signatures anew with a key of their own,
    or with that of the log.
    """
    head, lines = untouched.raw.splitlines()[:2], untouched.raw.splitlines()[2:]
    texts = untouched.texts
    at = dice.randrange(len(texts) - 1)
    names = {f"leaf {at}"}
    if how == "edit":
        texts[at] = edited(texts[at], f"edited {dice.random()}")
        lines[at] = json.dumps({**json.loads(lines[at]), "leaf": texts[at]}).encode()
    elif how == "delete":
        del texts[at], lines[at]
    elif how == "insert":
        said = json.loads(texts[at])
        texts.insert(at, canonical({**said, "entry": 7_000_000}).decode())
        lines.insert(at, json.dumps({**json.loads(lines[at]), "leaf": texts[at]}).encode())
    elif how == "swap":
        other = dice.choice([each for each in range(len(texts)) if each != at])
        texts[at], texts[other] = texts[other], texts[at]
        lines[at], lines[other] = lines[other], lines[at]
        names |= {f"leaf {other}", f"leaf {max(at, other)}"}
    elif how == "truncate":
        del texts[at + 1 :], lines[at + 1 :]
        names = {f"leaf {at + 1} is missing", f"over {at + 1} leaves"}
    elif how == "older dump":  # put back, and gone on from there in another way
        del texts[at + 1 :]
        texts.append(canonical({**json.loads(texts[at]), "entry": 7_000_000}).decode())
        names |= {f"leaf {at + 1}", "what follows the manifest"}
        del lines[at + 1 :]
    if hands == "file":
        return b"\n".join([*head, *lines]) + b"\n", names
    signer = untouched.signer if hands == "key" else Signer.new(untouched.signer.name)
    if not texts:
        texts = untouched.texts[:1]
    return written(texts, signer), names | {
        "not signed by the key",
        "has never seen",
        "had seen 16 leaves",
    }


def test_an_untouched_export_is_whole_for_both(untouched: Untouched) -> None:
    assert untouched.findings(untouched.raw) == ([], [])
    assert written(untouched.texts, untouched.signer).splitlines()[1:] != []
    assert untouched.findings(written(untouched.texts, untouched.signer)) == ([], [])


def test_every_tampering_is_found_and_named_by_both(untouched: Untouched) -> None:
    """By whoever holds the file, makes all hashes anew, or has the key: but not the witness."""
    for number in range(ROUNDS):
        dice = Random(number)  # noqa: S311 -- the same list each time
        how, hands = WAYS[number % len(WAYS)], dice.choice(HANDS)
        raw, names = tampered(untouched, dice, how, hands)
        named = re.compile("|".join(rf"{re.escape(name)}\b" for name in names))
        for found in untouched.findings(raw):
            assert named.search("\n".join(found)), f"{number}: {how} by hands on {hands}: {found}"


@pytest.mark.parametrize("line", [0, 1, 5])
def test_a_line_that_is_none_is_found_by_both(untouched: Untouched, line: int) -> None:
    lines = untouched.raw.splitlines()
    lines[line] = b'{"nothing": []}'

    for found in untouched.findings(b"\n".join(lines) + b"\n"):
        assert any(each.startswith(f"line {line + 1} is no ") for each in found)


def test_a_stranger_needs_nothing_of_ours(
    untouched: Untouched, ours: Recorded, tmp_path: Path
) -> None:
    """Neither our packages nor a database; and it takes less than a second of this process."""
    text = STRANGERS.read_text()
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    elsewhere = {each for each in imported if each.split(".")[0] not in sys.stdlib_module_names}
    options = ["--key", str(ours.signer.verifier), "--witness", str(ours.witness)]
    began = time.process_time()
    problems(untouched.raw, str(ours.signer.verifier), untouched.seen_by_strangers)
    took = time.process_time() - began

    ended = stranger(tmp_path / "all.jsonl", *options)

    assert {each.split(".")[0] for each in elsewhere} == {"cryptography"}
    assert len(text.splitlines()) <= 200
    assert (ended.returncode, ended.stdout) == (0, "Whole: everything is as it was written.\n")
    assert took < 1


def test_a_stranger_is_told_what_is_wrong(untouched: Untouched, tmp_path: Path) -> None:
    lines = untouched.raw.splitlines()
    (tmp_path / "all.jsonl").write_bytes(b"\n".join([*lines[:3], *lines[4:]]) + b"\n")

    ended = stranger(tmp_path / "all.jsonl", "--key", str(untouched.signer.verifier))

    assert ended.returncode == 1
    assert "leaf 1 is missing" in ended.stdout


def test_an_export_of_an_incident_has_all_about_it_and_nothing_else(
    ours: Recorded, tmp_path: Path
) -> None:
    incident = opened(ours.engine)
    decided(ours.engine, a_run(incident_id=incident))
    switches.stop(ours.engine, "not about it", "ada")
    ours.checkpoint()
    with ours.engine.connect() as connection:
        about = log_selection.positions_about(connection, incident, 10_000)
    file = tmp_path / "incident.jsonl"

    raw = exported(ours.engine, file, ours.signer, positions=about)

    said = [json.loads(json.loads(line)["leaf"]) for line in raw.splitlines()[2:]]
    assert [each["kind"] for each in said] == ["deliveries", "decisions"]
    assert (
        offline.verify(file, ours.signer.verifier, Outside(witness.read(ours.witness))).findings
        == []
    )
    assert problems(raw, str(ours.signer.verifier), read_witness(ours.witness)) == []


def test_a_leaf_that_is_left_out_of_an_incident_is_missed(ours: Recorded, tmp_path: Path) -> None:
    """By the manifest, which names them all."""
    raw = exported(ours.engine, tmp_path / "some.jsonl", ours.signer, positions=[2, 5, 7])
    lines = raw.splitlines()
    (tmp_path / "some.jsonl").write_bytes(b"\n".join([*lines[:3], *lines[4:]]) + b"\n")

    found = offline.verify(tmp_path / "some.jsonl", ours.signer.verifier).findings

    assert found == ["what follows the manifest is not what was signed", "leaf 5 is missing"]


def test_an_export_since_a_moment_is_all_from_there_on(ours: Recorded) -> None:
    with ours.engine.connect() as connection:
        everything = list(log.leaves(connection))
        fifth = json.loads(everything[5].leaf)["at"]
        first = log_selection.first_since(connection, datetime.fromisoformat(fifth))

    assert first == 5


def test_what_has_no_checkpoint_cannot_be_exported(engine: sa.Engine, tmp_path: Path) -> None:
    keys.keep_key(tmp_path)
    with pytest.raises(BadConfiguration, match="no checkpoint yet"):
        exported(engine, tmp_path / "none.jsonl", keys.read_key(tmp_path))


def test_a_file_or_a_key_that_is_none_is_named_to_a_stranger(
    untouched: Untouched, tmp_path: Path
) -> None:
    file, key = tmp_path / "all.jsonl", str(untouched.signer.verifier)
    written = tmp_path / "log.pub"
    written.write_text(f"{key}\n")

    assert stranger(file, "--key", str(written)).returncode == 0
    for options, says in (
        ([tmp_path / "none", "--key", key], "none: No such file"),
        ([file, "--key", key, "--witness", str(tmp_path / "gone")], "gone: No such file"),
        ([file, "--key", "no key"], "invalid public_key value"),
        ([file, "--key", key.replace("+", "+0", 1)], "invalid public_key value"),
        ([file, "--key", key, "--witness-key", "no key"], "invalid public_key value"),
    ):
        ended = stranger(Path(str(options[0])), *map(str, options[1:]))
        assert (ended.returncode, says in ended.stderr) == (2, True), ended.stderr
        assert "Traceback" not in ended.stderr
