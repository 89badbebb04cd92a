"""The tables of runs that ended without an account, and of how far their sweep has looked."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.schema import at_column, metadata

# Only those that nobody has dealt with yet; a row goes once its run has an account or is reaped.
owed_accounts = sa.Table(
    "owed_accounts",
    metadata,
    sa.Column("run_id", sa.Uuid, primary_key=True),
    at_column("found_at", default=True),
)

ends_looked_at = sa.Table(
    "ends_looked_at",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    at_column("until", nullable=False),  # by Prefect's clock
)
