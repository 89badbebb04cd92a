"""The keys that CCT refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "refused_keys"
down_revision = "told"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "refused_keys",
        sa.Column("cct", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column(
            "refused_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("cct", "digest", name=op.f("pk_refused_keys")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("refused_keys")
