"""
Compares the rows of the ledger with what its log says of them.

Leaves, what waits to become one, and rows come side by side in the order of their keys, so that a
large ledger takes no more memory than a small one.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from cct_ops.ledger.record import log
from cct_ops.ledger.record.log import Entry, Leaf, Row
from cct_ops.record.canonical import canonical, loads
from cct_ops.record.compare import about

_Thing = tuple[str, str, Leaf | Entry | Row]


@dataclass
class Seen:
    """How much was looked at."""

    rows: int = 0
    waiting: int = 0


@dataclass
class _Said:
    """What the log says of one row: first, and last; None where it says that it is gone."""

    position: int
    row: Any
    last: dict[str, Any] | None


def problems(connection: sa.Connection, seen: Seen) -> Iterator[str]:
    """Yield which rows are not as the log says, and what it says that cannot be."""
    sources: list[Iterator[_Thing]] = [
        ((leaf.kind, leaf.row_key, leaf) for leaf in log.leaves_by_row(connection)),
        ((entry.kind, entry.row_key, entry) for entry in log.queued(connection)),
        ((row.kind, row.key, row) for row in log.rows_now(connection)),
    ]
    together = heapq.merge(*sources, key=itemgetter(0, 1))
    for (kind, key), things in groupby(together, key=itemgetter(0, 1)):
        yield from _of_a_row(f"{kind} {key}", things, seen)
    for delivery in log.bodies_unlike_their_digest(connection):
        yield f"deliveries {delivery}: its body is not that of its digest"


def _of_a_row(name: str, things: Iterator[_Thing], seen: Seen) -> Iterator[str]:
    """Yield what is wrong with one row: its leaves come first, then what waits, then itself."""
    said: _Said | None = None
    row: Row | None = None
    for _, _, thing in things:
        match thing:
            case Leaf():
                said = yield from _leaf(thing, said)
            case Entry():  # it is news that the leaves do not have yet
                seen.waiting += 1
                last = None if thing.operation == "delete" else loads(thing.content)
                said = _Said(said.position, said.row, last) if said else _Said(-1, None, last)
            case Row():
                seen.rows += 1
                row = thing
    if row is None:
        if said is not None and said.last is not None:
            yield f"{name}: it is missing; leaf {said.position} speaks of it"
    elif said is None or said.last is None:
        yield f"{name}: it stands there, and no leaf says so"
    elif not _same(said.last, now := loads(row.said)):
        changed = ", ".join(_changed(said.last, now)) or "it"
        yield f"{name}: {changed} is not what the log says"


def _leaf(leaf: Leaf, said: _Said | None) -> Generator[str, None, _Said | None]:
    """Yield what a leaf must not say of its row; returns what is said of the row with it."""
    place = f"leaf {leaf.position}, {about(leaf.leaf)}"
    try:
        content = json.loads(leaf.leaf)
        key = content["kind"], content["key"]
        deleted = content["operation"] == "delete"
        last = {part: content.get(part) for part in ("row", "state")}
    except (ValueError, KeyError, TypeError, AttributeError):
        yield f"{place}: it cannot be read"
        return said
    if key != (leaf.kind, leaf.row_key):
        yield f"{place}: it is filed under {leaf.kind} {leaf.row_key}"
    if deleted:
        yield f"{place}: the row was deleted, and nothing of ours deletes one"
        return _Said(said.position, said.row, None) if said else None
    if said is None:
        return _Said(leaf.position, last["row"], last)
    if not _same(said.row, last["row"]):
        yield f"{place}: it was written over: leaf {said.position} says what stood there first"
    return _Said(said.position, said.row, last)


def _changed(last: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Name the columns in which a row is not what was last said of it."""
    for part in ("row", "state"):
        for name, value in now[part].items():
            if not _same((last.get(part) or {}).get(name), value):
                yield name


def _same(one: Any, other: Any) -> bool:
    """Say whether two things are the same once they are written as leaves are."""
    if json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True):
        return True  # which is quicker, and the usual case
    return canonical(one) == canonical(other)
