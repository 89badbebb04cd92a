"""What stands in Slack."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "threads"
down_revision = "heartbeats"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "slack_threads",
        sa.Column("topic_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("ts", sa.Text(), nullable=True),
        sa.Column("topic", postgresql.JSONB(), nullable=True),
        sa.Column(
            "opened_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("(channel is null) = (ts is null)", name=op.f("ck_slack_threads_place")),
        sa.PrimaryKeyConstraint("topic_id", name=op.f("pk_slack_threads")),
    )
    op.create_table(
        "slack_requests",
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ts", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approvals.id"], name=op.f("fk_slack_requests_approval_id_approvals")
        ),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_slack_requests")),
    )
    op.create_index(
        "ix_slack_requests_open",
        "slack_requests",
        ["approval_id"],
        postgresql_where=sa.text("closed_at is null"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("slack_requests")
    op.drop_table("slack_threads")
