"""Verifies the ledger against its log, that against its checkpoints, and all against witnesses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cct_ops.errors import ContractBroken
from cct_ops.ledger.record import log, log_signatures
from cct_ops.ledger.record.log import Leaf
from cct_ops.record import cosigning, tree
from cct_ops.record.canonical import canonical, loads
from cct_ops.record.compare import differences
from cct_ops.record.http_witness import HttpWitness
from cct_ops.record.notes import Checkpoint, Verifier
from cct_ops.record.witness import Place

if TYPE_CHECKING:
    from cct_ops.record.time_stamps import Roots

Key = tuple[str, str]


@dataclass
class Audit:
    """Everything that was found wrong, each in a sentence, and how much was looked at."""

    findings: list[str] = field(default_factory=list)
    leaves: int = 0
    rows: int = 0
    checkpoints: int = 0
    waiting: int = 0
    witnesses: int = 0
    time_stamps: int = 0


@dataclass
class _Said:
    """What the log says of one row: first, and last."""

    position: int
    row: bytes
    state: bytes | None


def verify(
    engine: sa.Engine,
    verifier: Verifier | None,
    witnesses: Sequence[Place],
    asked: Sequence[HttpWitness] = (),
    roots: Roots | None = None,
) -> Audit:
    """Compare everything with everything, as it was at one moment."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        return compare(connection, verifier, witnesses, asked, roots)


def compare(
    connection: sa.Connection,
    verifier: Verifier | None,
    witnesses: Sequence[Place],
    asked: Sequence[HttpWitness] = (),
    roots: Roots | None = None,
) -> Audit:
    """Compare everything with everything, as this transaction sees it."""
    audit = Audit()
    hashes, said = _leaves(connection, audit)
    _nodes(connection, hashes, audit)
    notes = log.checkpoints(connection)
    audit.findings += _checkpoints("the ledger", notes, hashes, verifier)
    audit.checkpoints = len(notes)
    _rows(connection, said, audit)
    for place in witnesses:
        audit.findings += _witness(connection, place, hashes, notes, verifier)
        audit.witnesses += 1
    for each in asked:
        audit.findings += cosigning.problems(connection, each, notes)
        audit.witnesses += 1
    if roots is not None:
        from cct_ops.record import time_stamps

        stamps = log_signatures.time_stamps(connection)
        audit.time_stamps = len(stamps)
        audit.findings += time_stamps.problems(stamps, notes, roots)
    return audit


def about(leaf: str) -> str:
    """Say of which row a leaf speaks, and of what that happened to it."""
    try:
        said = json.loads(leaf)
        return f"{said['operation']} of {said['kind']} {said['key']} at {said['at']}"
    except (ValueError, KeyError, TypeError):
        return "none that the log could have made"


def _leaves(connection: sa.Connection, audit: Audit) -> tuple[list[bytes], dict[Key, _Said]]:
    """Read every leaf; returns their hashes, and what they say of each row."""
    hashes: list[bytes] = []
    said: dict[Key, _Said] = {}
    for leaf in log.leaves(connection):
        audit.leaves += 1
        place = f"leaf {leaf.position}, {about(leaf.leaf)}"
        while leaf.position > len(hashes):
            audit.findings.append(f"leaf {len(hashes)} is missing")
            hashes.append(b"")
        hashes.append(tree.leaf_hash(leaf.leaf.encode()))
        if hashes[-1] != leaf.hash:
            audit.findings.append(f"{place}: its hash is not that of what it says")
        audit.findings += _said_of_row(leaf, said, place)
    return hashes, said


def _said_of_row(leaf: Leaf, said: dict[Key, _Said], place: str) -> Iterator[str]:
    """Keep what a leaf says of its row; yields what it must not say."""
    try:
        content = json.loads(leaf.leaf)
        key = content["kind"], content["key"]
        deleted = content["operation"] == "delete"
        row = canonical(content.get("row"))
    except (ValueError, KeyError, TypeError, AttributeError):
        yield f"{place}: it cannot be read"
        return
    if key != (leaf.kind, leaf.row_key):
        yield f"{place}: it is filed under {leaf.kind} {leaf.row_key}"
    state = _digest({"row": content.get("row"), "state": content.get("state")})
    known = said.get(key)
    if deleted:
        yield f"{place}: the row was deleted, and nothing of ours deletes one"
        if known is not None:
            known.state = None
        return
    if known is None:
        said[key] = _Said(leaf.position, hashlib.sha256(row).digest(), state)
        return
    if known.row != hashlib.sha256(row).digest():
        yield f"{place}: it was written over: leaf {known.position} says what stood there first"
    known.state = state


def _nodes(connection: sa.Connection, hashes: Sequence[bytes], audit: Audit) -> None:
    """Compare the stored nodes with those that follow from the leaves."""
    follow = dict(tree.grown(0, [], hashes))
    for node, value in log.nodes(connection):
        if follow.pop(node, None) != value:
            level, at = node
            first, end = at << level, (at + 1) << level
            audit.findings.append(f"the node over leaves {first} to {end - 1} is not their hash")
    for level, at in sorted(follow):
        first, end = at << level, (at + 1) << level
        audit.findings.append(f"the node over leaves {first} to {end - 1} is missing")


def _checkpoints(
    where: str, notes: Sequence[str], hashes: Sequence[bytes], verifier: Verifier | None
) -> Iterator[str]:
    """Yield each checkpoint that is not signed, or not over these leaves."""
    wanted: dict[int, list[Checkpoint]] = {}
    for note in notes:
        try:
            checkpoint = Checkpoint.parse(note)
        except ContractBroken as error:
            yield f"{where}: {error}"
            continue
        if verifier is not None and not verifier.signed(note):
            yield f"{where}: the checkpoint over {checkpoint.size} leaves is not signed by the key"
        if checkpoint.size > len(hashes):
            yield (
                f"{where}: there is a checkpoint over {checkpoint.size} leaves, and the log has"
                f" {len(hashes)}: the newest are gone, or the database is an older one"
            )
        else:
            wanted.setdefault(checkpoint.size, []).append(checkpoint)
    before = 0
    for size, root in roots(hashes, set(wanted)):
        if any(each.root != root for each in wanted[size]):
            yield (
                f"{where}: the checkpoint over {size} leaves is over others: something up to leaf"
                f" {size - 1} is not as it was signed, as of leaf {before} at the earliest"
                if before
                else f"{where}: the checkpoint over {size} leaves is over others: something up to"
                f" leaf {size - 1} is not as it was signed"
            )
        else:
            before = size


def roots(hashes: Sequence[bytes], sizes: set[int]) -> Iterator[tuple[int, bytes]]:
    """Yield the root over the first leaves, for each of these sizes in order."""
    edge: list[bytes] = []
    for size in range(len(hashes) + 1):
        if size in sizes:
            yield size, tree.fold(edge)
        if size < len(hashes):
            edge.append(hashes[size])
            at = size
            while at & 1:
                right = edge.pop()
                edge.append(tree.node_hash(edge.pop(), right))
                at >>= 1


def _rows(connection: sa.Connection, said: dict[Key, _Said], audit: Audit) -> None:
    """Compare each row with what was last said of it."""
    waiting = log.queued(connection)
    audit.waiting = len(waiting)
    for entry in waiting:  # it is news that the leaves do not have yet
        content = loads(entry.content)
        state = _digest(content) if entry.operation != "delete" else None
        about_row = entry.kind, entry.row_key
        if about_row in said:
            said[about_row].state = state
        else:
            said[about_row] = _Said(-1, b"", state)
    for row in log.rows_now(connection):
        audit.rows += 1
        known = said.pop((row.kind, row.key), None)
        if known is None or known.state is None:
            audit.findings.append(f"{row.kind} {row.key}: it stands there, and no leaf says so")
        elif known.state != _digest(loads(row.said)):
            parts = ", ".join(_changed(connection, row)) or "it"
            audit.findings.append(f"{row.kind} {row.key}: {parts} is not what the log says")
    for (kind, key), known in said.items():
        if known.state is not None:
            audit.findings.append(
                f"{kind} {key}: it is missing; leaf {known.position} speaks of it"
            )
    for delivery in log.bodies_unlike_their_digest(connection):
        audit.findings.append(f"deliveries {delivery}: its body is not that of its digest")


def _changed(connection: sa.Connection, row: log.Row) -> Iterator[str]:
    """Name the columns in which a row is not what its last leaf says."""
    leaves = log.leaves_about(connection, row.kind, row.key)
    last, now = json.loads(leaves[-1].leaf) if leaves else {}, loads(row.said)
    for part in ("row", "state"):
        for name, value in now[part].items():
            if (last.get(part) or {}).get(name) != value:
                yield name


def _witness(
    connection: sa.Connection,
    place: Place,
    hashes: Sequence[bytes],
    notes: Sequence[str],
    verifier: Verifier | None,
) -> Iterator[str]:
    """Yield what is not as a witness has seen it."""
    path = place.file
    if not notes and not path.exists():
        return  # nothing was ever signed that it could have seen
    try:
        seen = place.read()
    except ContractBroken as error:
        yield str(error)
        return
    yield from _checkpoints(str(path), seen.notes, hashes, verifier)
    for at, how in differences(seen.hashes, hashes):
        leaf = None if how == "missing" else log.leaf_at(connection, at)
        says = f", {about(leaf.leaf)}," if leaf else ""
        yield f"{path}: leaf {at}{says} is {how}"
    ours = {note.partition("\n\n")[0] for note in notes}
    for note in seen.notes:
        checkpoint = Checkpoint.parse(note)
        if note.partition("\n\n")[0] not in ours:
            yield f"{path}: it has seen a checkpoint over {checkpoint.size} leaves that is gone"


def _digest(content: object) -> bytes:
    return hashlib.sha256(canonical(content)).digest()
