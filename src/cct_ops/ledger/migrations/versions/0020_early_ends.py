"""Ends that came before their start: a start that comes later is known to be over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "early_ends"
down_revision = "not_done"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Remember them by source and thing."""
    op.create_table(
        "early_ends",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "key", name=op.f("pk_early_ends")),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("early_ends")
