"""Verifies an export without any database: by the log's public key, and by what a witness saw."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cct_ops.errors import BadConfiguration, ContractBroken
from cct_ops.record import tree
from cct_ops.record.canonical import UNREADABLE, canonical
from cct_ops.record.compare import about, differences
from cct_ops.record.cosignatures import Cosigner
from cct_ops.record.export import MANIFEST
from cct_ops.record.notes import Checkpoint, Verifier
from cct_ops.record.witness import Witnessed

if TYPE_CHECKING:
    from cct_ops.record.time_stamps import Roots


@dataclass
class Exported:
    """What an export says, and everything in it that is wrong, each in a sentence."""

    findings: list[str] = field(default_factory=list)
    leaves: int = 0
    size: int = 0
    complete_from: int | None = None
    newer: int = 0
    cosigned: dict[str, datetime] = field(default_factory=dict)
    stamp: Stamp | None = None


class Stamp(NamedTuple):
    """A time stamp in an export: over how many leaves, and when, once that was verified."""

    size: int
    at: datetime | None


@dataclass(frozen=True)
class Outside:
    """What others than the log say: a witness's file, keys of witnesses, roots of time stamps."""

    seen: Witnessed | None = None
    cosigners: Sequence[Cosigner] = ()
    roots: Roots | None = None


NOBODY = Outside()


@dataclass(frozen=True)
class _Line:
    position: int
    leaf: str
    hashed: bytes
    proof: tuple[bytes, ...]

    @property
    def place(self) -> str:
        """Name it for people."""
        return f"leaf {self.position}, {about(self.leaf)}"


def verify(file: Path, verifier: Verifier, outside: Outside = NOBODY) -> Exported:
    """Verify an export; by what others say also against whoever has the key of the log."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise BadConfiguration(f"{file} cannot be read: {error.strerror}") from None
    first, _, rest = raw.partition(b"\n")
    found = Exported()
    said = _manifest(first, rest, verifier, found)
    head, *others = rest.split(b"\n")
    note, checkpoint = _checkpoint(head, verifier, found)
    if checkpoint is not None:
        found.findings += _outside(note, checkpoint, outside)
        found.cosigned = _cosigned(note, outside.cosigners)
        _stamped(head, checkpoint, verifier, outside.roots, found)
    lines = [
        line
        for number, each in enumerate(others, start=3)
        if each
        for line in _read(each, number, found)
    ]
    found.leaves = len(lines)
    if checkpoint is not None:
        found.size = checkpoint.size
        found.findings += _proofs(lines, checkpoint)
    # what a checkpoint claims must not cost memory: a file holds no more leaves than bytes
    end = min(found.size, said.get("from", 0) + len(rest))
    found.findings += _order(lines, said, end)
    found.findings += _rows(lines)
    if "from" in said:
        found.complete_from = said["from"]
    if outside.seen is not None:
        found.newer = max(0, len(outside.seen.hashes) - found.size)
        found.findings += _witnessed(lines, outside.seen)
        before = outside.seen.size_at(said.get("made", ""))
        if before > found.size:
            found.findings.append(
                f"when it was made, the witness had seen {before} leaves, and not {found.size}"
            )
    return found


def _manifest(first: bytes, rest: bytes, verifier: Verifier, found: Exported) -> dict[str, Any]:
    try:
        note = json.loads(first)["manifest"]
        title, digest, content = note.partition("\n\n")[0].split("\n")
        read = json.loads(content)
        said: dict[str, Any] = {"made": f"{read['made']}"}
        if "from" in read:
            said["from"] = int(read["from"])
        else:
            said["positions"] = [int(each) for each in read["positions"]]
    except UNREADABLE:
        found.findings.append("line 1 is no manifest of an export")
        return {}
    if title != MANIFEST or not verifier.signed(note):
        found.findings.append("the manifest is not signed by the key")
    if hashlib.sha256(rest).hexdigest() != digest:
        found.findings.append("what follows the manifest is not what was signed")
    return said


def _checkpoint(line: bytes, verifier: Verifier, found: Exported) -> tuple[str, Checkpoint | None]:
    try:
        note: str = json.loads(line)["checkpoint"]
        checkpoint = Checkpoint.parse(note)
    except (*UNREADABLE, ContractBroken):
        found.findings.append("line 2 is no checkpoint")
        return "", None
    if checkpoint.origin != verifier.name or not verifier.signed(note):
        found.findings.append("the checkpoint is not signed by the key")
    return note, checkpoint


def _outside(note: str, checkpoint: Checkpoint, outside: Outside) -> Iterator[str]:
    """Yield which witnesses have not seen a checkpoint."""
    seen, over = outside.seen, f"over {checkpoint.size} leaves"
    if seen is not None and checkpoint not in [Checkpoint.parse(each) for each in seen.notes]:
        yield f"the witness has never seen this checkpoint {over}"
    for each in outside.cosigners:
        if each.cosigned_at(note) is None:
            yield f"the checkpoint {over} is not cosigned by {each.name}"


def _cosigned(note: str, cosigners: Sequence[Cosigner]) -> dict[str, datetime]:
    """Return which witnesses have cosigned a checkpoint, and when."""
    found = {each.name: each.cosigned_at(note) for each in cosigners}
    return {name: at for name, at in found.items() if at is not None}


def _stamped(
    line: bytes, checkpoint: Checkpoint, verifier: Verifier, roots: Roots | None, found: Exported
) -> None:
    """Verify the time stamp, and that the checkpoint goes on from the one on which it is."""
    said = json.loads(line).get("time_stamp")
    if said is None:
        if roots is not None:
            found.findings.append("there is no time stamp")
        return
    from cct_ops.record import time_stamps

    try:
        note, response = said["checkpoint"], base64.b64decode(said["response"], validate=True)
        proof = [base64.b64decode(each, validate=True) for each in said["proof"]]
        older = Checkpoint.parse(note)
        time_stamps.read(response, note)
        found.stamp = Stamp(older.size, roots.verify(response, note) if roots else None)
    except ContractBroken as error:
        found.findings.append(f"the time stamp: {error}")
        return
    except UNREADABLE:
        found.findings.append("the time stamp cannot be read")
        return
    goes_on = tree.is_consistent(older.size, older.root, checkpoint.size, checkpoint.root, proof)
    if not goes_on or not verifier.signed(note):
        found.findings.append("the time stamp is not on a checkpoint of this log")


def _read(line: bytes, number: int, found: Exported) -> Iterator[_Line]:
    try:
        said = json.loads(line)
        proof = tuple(base64.b64decode(each, validate=True) for each in said["proof"])
        leaf: str = said["leaf"]
        read = _Line(int(said["position"]), leaf, tree.leaf_hash(leaf.encode()), proof)
    except UNREADABLE:
        found.findings.append(f"line {number} is no leaf")
        return
    yield read


def _proofs(lines: Sequence[_Line], checkpoint: Checkpoint) -> Iterator[str]:
    for line in lines:
        root = tree.root_by_inclusion(line.position, checkpoint.size, line.hashed, line.proof)
        if root != checkpoint.root:
            yield f"{line.place}: the checkpoint does not have it in this place"


def _order(lines: Sequence[_Line], said: dict[str, Any], end: int) -> Iterator[str]:
    """Yield which leaves are missing, too many, or not where they belong."""
    there = [line.position for line in lines]
    wanted = range(said["from"], end) if "from" in said else said.get("positions", [])
    belongs = set(wanted)
    for missing in sorted(belongs - set(there)):
        yield f"leaf {missing} is missing"
    for number, line in enumerate(lines):
        if line.position not in belongs:
            yield f"{line.place}: it does not belong into this export"
        elif number and line.position <= there[number - 1]:
            yield f"{line.place}: it stands behind leaf {there[number - 1]}"


def _rows(lines: Sequence[_Line]) -> Iterator[str]:
    """Yield which rows were written over or deleted, as the log itself says."""
    first: dict[tuple[str, str], tuple[int, bytes]] = {}
    for line in lines:
        try:
            said = json.loads(line.leaf)
            key, deleted = (said["kind"], said["key"]), said["operation"] == "delete"
            row = canonical(said.get("row"))
            before, stood = first.setdefault(key, (line.position, row))
        except UNREADABLE:
            yield f"{line.place}: it cannot be read"
            continue
        if deleted:
            yield f"{line.place}: the row was deleted, and nothing of ours deletes one"
        elif stood != row:
            yield f"{line.place}: it was written over: leaf {before} says what stood there"


def _witnessed(lines: Sequence[_Line], seen: Witnessed) -> Iterator[str]:
    """Yield which leaves are not as the witness has seen them."""
    known = [line for line in lines if line.position < len(seen.hashes)]
    expected = [seen.hashes[line.position] for line in known]
    there = [line.hashed for line in known]
    for at, how in differences(expected, there):
        yield f"{known[at].place}: not as the witness has seen it: {how}"
