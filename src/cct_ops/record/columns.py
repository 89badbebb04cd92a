"""Leaves as a Parquet file with typed columns, for analysis; it proves nothing by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cct_ops.ledger.record import log
from cct_ops.ledger.record.log import Leaf
from cct_ops.record.canonical import canonical

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 10_000


def write(connection: sa.Connection, file: Path, note: str, positions: Sequence[int]) -> None:
    """Write these leaves, with the checkpoint in the file's own notes."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(_columns(), metadata={"cct-ops.checkpoint": note})
    with file.open("wb") as sink, parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for begin in range(0, len(positions), _BATCH):
            leaves = log.leaves_at(connection, positions[begin : begin + _BATCH])
            rows = [_row(leaf) for leaf in leaves]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _columns() -> list[pa.Field]:
    import pyarrow as pa

    return [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC")),
        pa.field("entry", pa.int64()),
        pa.field("operation", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("key", pa.string()),
        pa.field("row", pa.string()),
        pa.field("state", pa.string()),
        pa.field("leaf", pa.string(), nullable=False),
        pa.field("hash", pa.binary(32), nullable=False),
    ]


def _row(leaf: Leaf) -> dict[str, Any]:
    known = {"position": leaf.position, "leaf": leaf.leaf, "hash": leaf.hash}
    try:
        said = json.loads(leaf.leaf)
        parts = {name: said[name] for name in ("entry", "operation", "kind", "key")}
        parts["at"] = datetime.fromisoformat(said["at"])
        parts |= {name: _json(said.get(name)) for name in ("row", "state")}
    except (ValueError, KeyError, TypeError, AttributeError):
        return known  # no leaf that the log could have made: `audit verify` names it
    return {**known, **parts}


def _json(part: object) -> str | None:
    return None if part is None else canonical(part).decode()
