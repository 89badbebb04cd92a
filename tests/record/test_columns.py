"""Parquet beside an export has the same leaves, in columns with types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from pyarrow import parquet

from cct_ops.ledger.record import log
from cct_ops.record import columns, export, tree
from tests.record.recorded import bypass, exported, recorded


@pytest.mark.parametrize("batch", [3, 10_000])
def test_it_equals_the_leaves_of_the_export(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """Whatever the size of a batch."""
    monkeypatch.setattr(columns, "_BATCH", batch)
    ours = recorded(engine, tmp_path / "record", rounds=2)
    lines = exported(ours, tmp_path / "all.jsonl").splitlines()[2:]
    with engine.connect() as connection:
        note, size, _ = export.newest(connection)
        columns.write(connection, tmp_path / "all.parquet", note, range(size))

    table = parquet.read_table(tmp_path / "all.parquet")

    rows = table.to_pylist()
    assert [(row["position"], row["leaf"]) for row in rows] == [
        (said["position"], said["leaf"]) for said in map(json.loads, lines)
    ]
    for row in rows:
        said = json.loads(row["leaf"])
        assert row["hash"] == tree.leaf_hash(row["leaf"].encode())
        assert [row[name] for name in ("entry", "operation", "kind", "key")] == [
            said[name] for name in ("entry", "operation", "kind", "key")
        ]
        assert row["at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ") == said["at"]
        assert [json.loads(row[part]) for part in ("row", "state")] == [said["row"], said["state"]]
    types = {field.name: str(field.type) for field in table.schema}
    assert (types["at"], types["position"]) == ("timestamp[us, tz=UTC]", "int64")
    assert table.schema.metadata[b"cct-ops.checkpoint"].decode() == note


def test_a_leaf_that_cannot_be_read_is_there_all_the_same(
    engine: sa.Engine, tmp_path: Path
) -> None:
    recorded(engine, tmp_path / "record", rounds=1)
    with engine.connect() as tx:
        bypass(tx)
        tx.execute(sa.text("update log_leaves set leaf = '[]' where position = 1"))
        columns.write(tx, tmp_path / "all.parquet", log.checkpoints(tx)[0], range(4))

    rows = parquet.read_table(tmp_path / "all.parquet").to_pylist()

    assert [row["kind"] is None for row in rows] == [False, True, False, False]
    assert rows[1]["leaf"] == "[]"
