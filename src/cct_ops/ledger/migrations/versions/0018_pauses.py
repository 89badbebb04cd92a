"""What is paused in Prefect and was told to people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "pauses"
down_revision = "long_names"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "pauses",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_pauses")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("pauses")
