"""The migrations lead to exactly the tables that the code works with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cct_ops.ledger import (
    approval_tables,
    change_tables,
    early_ends,
    guard_tables,
    heartbeat_tables,
    journal_tables,
    pacing_tables,
    page_tables,
    pause_tables,
    set_aside,
    slack_tables,
    storms,
)
from cct_ops.ledger.schema import metadata

ALL = (
    approval_tables,
    change_tables,
    early_ends,
    guard_tables,
    heartbeat_tables,
    journal_tables,
    pacing_tables,
    page_tables,
    pause_tables,
    set_aside,
    slack_tables,
    storms,
)


def test_the_migrated_ledger_is_the_one_in_the_code(engine: sa.Engine) -> None:
    assert all(module.sa.MetaData is type(metadata) for module in ALL)

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert differences == []
