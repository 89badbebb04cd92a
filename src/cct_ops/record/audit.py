"""Verifies the ledger against its log, that against its checkpoints, and all against witnesses."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cct_ops.errors import ContractBroken
from cct_ops.ledger.record import log, log_signatures
from cct_ops.record import cosigning, row_problems, tree
from cct_ops.record.compare import about, differences
from cct_ops.record.http_witness import HttpWitness
from cct_ops.record.notes import Checkpoint, Verifier
from cct_ops.record.witness import Place

if TYPE_CHECKING:
    from cct_ops.record.time_stamps import Roots


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
    hashes = _leaves(connection, audit)
    audit.findings += _nodes(connection, hashes)
    notes = log.checkpoints(connection)
    audit.findings += _checkpoints("the ledger", notes, hashes, verifier)
    audit.checkpoints = len(notes)
    seen = row_problems.Seen()
    audit.findings += row_problems.problems(connection, seen)
    audit.rows, audit.waiting = seen.rows, seen.waiting
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


def _leaves(connection: sa.Connection, audit: Audit) -> list[bytes]:
    """Read every leaf; returns their hashes."""
    hashes: list[bytes] = []
    for leaf in log.leaves(connection):
        audit.leaves += 1
        while leaf.position > len(hashes):
            audit.findings.append(f"leaf {len(hashes)} is missing")
            hashes.append(b"")
        hashes.append(tree.leaf_hash(leaf.leaf.encode()))
        if hashes[-1] != leaf.hash:
            place = f"leaf {leaf.position}, {about(leaf.leaf)}"
            audit.findings.append(f"{place}: its hash is not that of what it says")
    return hashes


def _nodes(connection: sa.Connection, hashes: Sequence[bytes]) -> Iterator[str]:
    """Yield which stored nodes are not those that follow from the leaves."""
    expected = ((_completed(node), value, True) for node, value in tree.grown(0, [], hashes))
    stored = ((_completed(node), value, False) for node, value in log.nodes(connection))
    both = heapq.merge(expected, stored, key=itemgetter(0))
    for (end, level), found in groupby(both, key=itemgetter(0)):
        values = {is_expected: value for _, value, is_expected in found}
        if False not in values:
            yield f"the node over leaves {end - (1 << level)} to {end - 1} is missing"
        elif values.get(True) != values[False]:
            yield f"the node over leaves {end - (1 << level)} to {end - 1} is not their hash"


def _completed(node: tree.Node) -> tuple[int, int]:
    """Return with how many leaves a node is complete, and its level."""
    level, at = node
    return (at + 1) << level, level


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
