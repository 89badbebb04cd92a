"""Ends of runs of which people have not heard so far."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_SCHEMA = """
create table owed_ends (
    run_id uuid constraint pk_owed_ends primary key,
    ended_at timestamptz not null default clock_timestamp()
);
"""


def upgrade() -> None:
    """Make it, empty."""
    op.execute(_SCHEMA)


def downgrade() -> None:
    """Forget them; the release before says each end once, or not at all."""
    op.execute("drop table owed_ends")
