"""The table of our own parts' signs of life."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.schema import at_column, metadata

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    at_column("last_at", nullable=False),
    at_column("alarmed_at", nullable=True),
)
