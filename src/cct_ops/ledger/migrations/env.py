"""Alembic's environment: the connection comes from ``cct_ops.ledger.engine.migrate``."""

from __future__ import annotations

from alembic import context

from cct_ops.ledger.gate import (  # noqa: F401 -- their tables belong to the metadata
    approval_tables,
    change_tables,
    guard_tables,
    pacing_tables,
)
from cct_ops.ledger.intake import (  # noqa: F401 -- their tables belong to the metadata
    early_ends,
    storms,
)
from cct_ops.ledger.people import (  # noqa: F401 -- their tables belong to the metadata
    heartbeat_tables,
    page_tables,
    pause_tables,
    slack_tables,
)
from cct_ops.ledger.record import (  # noqa: F401 -- their tables belong to the metadata
    journal_tables,
)
from cct_ops.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
