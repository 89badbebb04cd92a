"""Which process works on a run, and what no loop could deal with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "attempts"
down_revision = "refused_keys"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    """Make the column and the table."""
    op.add_column("run_leases", sa.Column("holder", sa.Uuid()))
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "set_aside",
        sa.Column("part", sa.Text(), primary_key=True),
        sa.Column("item", sa.Text(), primary_key=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("first_at", moment, nullable=False, server_default=_NOW),
        sa.Column("last_at", moment, nullable=False, server_default=_NOW),
        sa.Column("next_attempt_at", moment, nullable=False),
        sa.Column("told_at", moment),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("set_aside")
    op.drop_column("run_leases", "holder")
