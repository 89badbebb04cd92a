"""
The transparency log: what became of each row that it speaks of, in an order that never changes.

``log_queue`` is filled by triggers in the transaction of the row itself, whoever writes that; it
has no index, because intake pays for it. From there entries become leaves.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSON

from cct_ops.ledger.record.logged import IN_UTC, LOGGED, statements
from cct_ops.ledger.schema import at_column, metadata, number_column, text_column

log_queue = sa.Table(
    "log_queue",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
    at_column("at", default=True),
    text_column("kind"),
    text_column("operation"),
    text_column("row_key"),
    sa.Column("content", JSON, nullable=False),
)

log_leaves = sa.Table(
    "log_leaves",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    text_column("kind"),
    text_column("row_key"),
    text_column("leaf"),
    sa.Column("hash", BYTEA, nullable=False),
    sa.Index("ix_log_leaves_row", "kind", "row_key"),
)

# Above the leaves, and only complete subtrees: they never change.
log_nodes = sa.Table(
    "log_nodes",
    metadata,
    sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", BYTEA, nullable=False),
)

log_checkpoints = sa.Table(
    "log_checkpoints",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    text_column("note"),
    at_column("at", default=True),
)

# What an authority says of the time of some checkpoints, as it answered (RFC 3161).
log_time_stamps = sa.Table(
    "log_time_stamps",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("response", BYTEA, nullable=False),
    at_column("at", default=True),
)

# The rules that people wrote into files, which have no row of their own.
rule_versions = sa.Table(
    "rule_versions",
    metadata,
    number_column(),
    text_column("file"),
    text_column("sha256"),
    at_column("read_at", default=True),
    sa.Index("ix_rule_versions_file", "file", "id"),
)

for statement in (IN_UTC, *(each for logged in LOGGED for each in statements(logged))):
    sa.event.listen(metadata, "after_create", sa.DDL(statement))  # type: ignore[no-untyped-call]
