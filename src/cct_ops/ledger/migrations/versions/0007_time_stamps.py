"""
Time stamps of an authority on the log's checkpoints.

Written in PostgreSQL's own words and no longer touched: a change is a migration of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.execute("""
        create table log_time_stamps (
            size bigint constraint pk_log_time_stamps primary key,
            response bytea not null,
            at timestamptz not null default clock_timestamp()
        )
    """)


def downgrade() -> None:
    """Drop it."""
    op.execute("drop table log_time_stamps")
