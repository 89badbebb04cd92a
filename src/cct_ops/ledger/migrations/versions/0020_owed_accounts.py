"""Runs that ended in Prefect without an account, and up to when the ends of runs were looked at."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_SCHEMA = """
create table owed_accounts (
    run_id uuid constraint pk_owed_accounts primary key,
    found_at timestamptz not null default clock_timestamp()
);
create table ends_looked_at (
    part text constraint pk_ends_looked_at primary key,
    until timestamptz not null
);
"""


def upgrade() -> None:
    """Make both, empty."""
    op.execute(_SCHEMA)


def downgrade() -> None:
    """Forget them; a sweep of the release before does not look."""
    op.execute("drop table owed_accounts, ends_looked_at")
