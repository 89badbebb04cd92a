"""The table of what was seen while faults were injected."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.schema import at_column, json_column, metadata, text_column

journal_entries = sa.Table(
    "journal_entries",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("run_id", sa.Uuid, nullable=False, index=True),
    at_column("at", nullable=False),
    text_column("phase"),
    json_column("entry"),
)
