"""Makes leaves of what waits in the queue of the transparency log."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cct_ops.ledger.record import log
from cct_ops.ledger.record.log import Entry, Leaf
from cct_ops.record import tree
from cct_ops.record.canonical import canonical, loads

BATCH_ENTRIES = 1000


def sequence(engine: sa.Engine) -> int:
    """
    Give every entry that waits its place in the log; returns how many.

    An entry leaves the queue in the transaction in which it becomes a leaf, so a kill at any moment
    loses none and doubles none. While another process does the same there is nothing to do here.
    """
    made = 0
    while batch := _batch(engine):
        made += batch
        if batch < BATCH_ENTRIES:
            break
    return made


def leaf_of(entry: Entry) -> str:
    """Return an entry as the canonical JSON that is hashed."""
    content: dict[str, Any] = loads(entry.content)
    said = {
        "at": entry.at,
        "entry": entry.id,
        "key": entry.row_key,
        "kind": entry.kind,
        "operation": entry.operation,
        **content,
    }
    return canonical(said).decode()


def _batch(engine: sa.Engine) -> int:
    with engine.begin() as tx:
        if not log.sequencing(tx):
            return 0
        entries = log.take(tx, BATCH_ENTRIES)
        if not entries:
            return 0
        size = log.size(tx)
        edge = tree.cover(0, size)
        stored = log.hashes(tx, edge)
        leaves = [_leaf(size + at, entry) for at, entry in enumerate(entries)]
        above = tree.grown(size, [stored[node] for node in edge], [each.hash for each in leaves])
        log.add(tx, leaves, above)
    return len(leaves)


def _leaf(position: int, entry: Entry) -> Leaf:
    text = leaf_of(entry)
    return Leaf(position, entry.kind, entry.row_key, text, tree.leaf_hash(text.encode()))
