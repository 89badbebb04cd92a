"""Signs of life of our own parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "heartbeats"
down_revision = "journal"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "heartbeats",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alarmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_heartbeats")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("heartbeats")
