"""The newest pages are found without a look at all there were."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index when they were raised."""
    op.execute("create index ix_pages_raised_at on pages (raised_at)")


def downgrade() -> None:
    """Drop it."""
    op.execute("drop index ix_pages_raised_at")
