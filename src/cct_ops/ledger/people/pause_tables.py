"""The table of what is paused in Prefect and was told to people."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.schema import at_column, metadata

pauses = sa.Table(
    "pauses",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    at_column("told_at", nullable=False),
)
