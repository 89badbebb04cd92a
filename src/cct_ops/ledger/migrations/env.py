"""Alembic's environment: the connection comes from ``cct_ops.ledger.engine.migrate``."""

from __future__ import annotations

from alembic import context

from cct_ops.ledger import (  # noqa: F401 -- their tables belong to the metadata
    approval_tables,
    change_tables,
    early_ends,
    guard_tables,
    heartbeat_tables,
    journal_tables,
    pacing_tables,
    page_tables,
    pause_tables,
    slack_tables,
    storms,
)
from cct_ops.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
