"""The rows of the transparency log: what waits to become a leaf, leaves, nodes, checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from cct_ops.ledger.record.log_tables import log_checkpoints, log_leaves, log_nodes, log_queue
from cct_ops.ledger.record.logged import LOGGED, rows_of
from cct_ops.ledger.statements import Ledger, rows, scalar, within

# Any constant will do; whoever makes leaves must use the same one.
_SEQUENCING = 0x0CC7_106
_STREAMED = {"stream_results": True, "max_row_buffer": 1000}

_TAKE = sa.text("""
    delete from log_queue where ctid = any(array(
        select ctid from log_queue order by id limit :most))
    returning id, in_utc(at) as at, kind, operation, row_key, cast(content as text) as content
""")
_MOMENT = sa.text("select in_utc(clock_timestamp())")
_QUEUED = sa.text("""
    select id, in_utc(at), kind, operation, row_key, cast(content as text) from log_queue
    order by kind collate "C", row_key collate "C", id
""")
_UNLIKE = sa.text("""
    select id from deliveries
    where encode(sha256(body), 'hex') <> coalesce(stored_sha256, body_sha256) order by id
""")
_HASHES = sa.text("""
    with wanted as (
        select * from unnest(cast(:levels as smallint[]), cast(:positions as bigint[]))
            as w(level, position))
    select w.level, w.position, l.hash from wanted w join log_leaves l using (position)
    where w.level = 0
    union all select w.level, w.position, n.hash from wanted w
    join log_nodes n using (level, position)
""")


class Entry(NamedTuple):
    """Something that happened to a row, as a trigger wrote it down; ``content`` is JSON."""

    id: int
    at: str
    kind: str
    operation: str
    row_key: str
    content: str


class Leaf(NamedTuple):
    """An entry in its place in the log, as canonical JSON, with its hash."""

    position: int
    kind: str
    row_key: str
    leaf: str
    hash: bytes


class Row(NamedTuple):
    """A row as it stands in the ledger now, and what the log should say of it, as JSON."""

    kind: str
    key: str
    said: str


def moment(ledger: Ledger) -> str:
    """Return the ledger's time, as the log writes it."""
    return str(within(ledger, lambda tx: tx.execute(_MOMENT).scalar_one(), repeatable=True))


def sequencing(tx: sa.Connection) -> bool:
    """Become the only one who makes leaves, until the transaction ends; False if another is."""
    return bool(tx.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_SEQUENCING))))


def take(tx: sa.Connection, most: int) -> list[Entry]:
    """
    Take the first entries out of the queue, in the order in which they were made.

    What one transaction wrote after another had committed comes after it: whoever sees the later
    entry sees the earlier one, which has the lower id. One that commits late is taken late.
    """
    return sorted(Entry(*row) for row in tx.execute(_TAKE, {"most": most}))


def waiting(ledger: Ledger) -> int:
    """Return how many entries are not leaves yet."""
    return scalar(ledger, sa.select(sa.func.count()).select_from(log_queue)) or 0


def size(ledger: Ledger) -> int:
    """Return how many leaves there are."""
    last = scalar(ledger, sa.select(sa.func.max(log_leaves.c.position)))
    return 0 if last is None else last + 1


def add(
    tx: sa.Connection, leaves: Sequence[Leaf], nodes: Iterable[tuple[tuple[int, int], bytes]]
) -> None:
    """Store leaves, and the nodes that are complete with them."""
    tx.execute(sa.insert(log_leaves), [leaf._asdict() for leaf in leaves])
    above = [
        {"level": level, "position": position, "hash": value} for (level, position), value in nodes
    ]
    if above:
        tx.execute(sa.insert(log_nodes), above)


def hashes(ledger: Ledger, nodes: Iterable[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """Return the hashes of these nodes, as far as they are stored; leaves are of level 0."""
    wanted = list(nodes)
    if not wanted:
        return {}
    levels, positions = zip(*wanted, strict=True)
    asked = {"levels": list(levels), "positions": list(positions)}
    found = within(ledger, lambda tx: tx.execute(_HASHES, asked).all(), repeatable=True)
    return {(level, position): bytes(value) for level, position, value in found}


def leaves(connection: sa.Connection) -> Iterator[Leaf]:
    """Yield every leaf in order, without holding all of them."""
    ordered = sa.select(log_leaves).order_by(log_leaves.c.position)
    for row in connection.execute(ordered, execution_options=_STREAMED):
        yield Leaf(row.position, row.kind, row.row_key, row.leaf, bytes(row.hash))


def leaves_by_row(connection: sa.Connection) -> Iterator[Leaf]:
    """Yield every leaf, those about one row together and in order, without holding all of them."""
    by_row = (each.collate("C") for each in (log_leaves.c.kind, log_leaves.c.row_key))
    ordered = sa.select(log_leaves).order_by(*by_row, log_leaves.c.position)
    for row in connection.execute(ordered, execution_options=_STREAMED):
        yield Leaf(row.position, row.kind, row.row_key, row.leaf, bytes(row.hash))


def leaf_at(connection: sa.Connection, position: int) -> Leaf | None:
    """Return the leaf in this place, None where there is none."""
    found = _leaves_where(connection, log_leaves.c.position == position)
    return found[0] if found else None


def leaves_at(connection: sa.Connection, positions: Sequence[int]) -> list[Leaf]:
    """Return the leaves in these places, in order."""
    return _leaves_where(connection, log_leaves.c.position.in_(positions))


def _leaves_where(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> list[Leaf]:
    ordered = sa.select(log_leaves).where(*which).order_by(log_leaves.c.position)
    return [
        Leaf(row.position, row.kind, row.row_key, row.leaf, bytes(row.hash))
        for row in rows(connection, ordered)
    ]


def queued(connection: sa.Connection) -> Iterator[Entry]:
    """Yield what is not a leaf yet, by its row."""
    for row in connection.execute(_QUEUED, execution_options=_STREAMED):
        yield Entry(*row)


def bodies_unlike_their_digest(connection: sa.Connection) -> list[str]:
    """Return the deliveries whose body is not the one of which the log has the digest."""
    found = connection.execute(_UNLIKE).all()
    return [str(delivery) for (delivery,) in found]


def nodes(connection: sa.Connection) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield every node above the leaves, in the order in which they became complete."""
    end = (log_nodes.c.position + 1).op("<<")(sa.cast(log_nodes.c.level, sa.Integer))
    ordered = sa.select(log_nodes).order_by(end, log_nodes.c.level)
    for level, position, value in connection.execute(ordered, execution_options=_STREAMED):
        yield (level, position), bytes(value)


def rows_now(connection: sa.Connection) -> Iterator[Row]:
    """Yield every row of which the log speaks, as it stands in the ledger now, by its key."""
    for logged in sorted(LOGGED, key=lambda each: each.table):
        for key, said in connection.execute(rows_of(logged), execution_options=_STREAMED):
            yield Row(logged.table, key, said)


def record_checkpoint(tx: sa.Connection, size: int, note: str) -> None:
    """Store a checkpoint over so many leaves."""
    tx.execute(sa.insert(log_checkpoints).values(size=size, note=note))


def newest_checkpoint(ledger: Ledger) -> str | None:
    """Return the last checkpoint; None where there is none yet."""
    newest = sa.select(log_checkpoints.c.note).order_by(log_checkpoints.c.size.desc())
    return scalar(ledger, newest.limit(1))


def leaf_hashes(ledger: Ledger, begin: int, end: int) -> list[bytes]:
    """Return the hashes of these leaves, in order."""
    wanted = log_leaves.c.position.between(begin, end - 1)
    ordered = sa.select(log_leaves.c.hash).where(wanted).order_by(log_leaves.c.position)
    return [bytes(value) for (value,) in rows(ledger, ordered)]


def checkpoints(ledger: Ledger) -> list[str]:
    """Return every checkpoint, the smallest first."""
    ordered = sa.select(log_checkpoints.c.note).order_by(log_checkpoints.c.size)
    return [note for (note,) in rows(ledger, ordered)]
