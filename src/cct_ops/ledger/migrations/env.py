"""Alembic's environment: the connection comes from ``cct_ops.ledger.engine.migrate``."""

from __future__ import annotations

from alembic import context

from cct_ops.ledger.gate import declared_tables, owed_tables, tables as gate_tables, takeover_tables  # noqa: F401 -- their tables are in the metadata
from cct_ops.ledger.intake import tables as intake_tables  # noqa: F401
from cct_ops.ledger.people import tables as people_tables  # noqa: F401
from cct_ops.ledger.record import log_tables, stream_tables, tables as record_tables  # noqa: F401
from cct_ops.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
