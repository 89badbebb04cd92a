"""An incident knows which halves of a pair told of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "tellers"
down_revision = "ignored"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column; of what is open nobody is known to have told."""
    op.add_column(
        "incidents",
        sa.Column("tellers", postgresql.JSONB(), nullable=False, server_default="[]"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("incidents", "tellers")
