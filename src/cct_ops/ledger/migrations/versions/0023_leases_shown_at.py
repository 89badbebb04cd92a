"""When a run showed its last sign of life."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of those that a release before this one extends nobody knows it."""
    op.execute("alter table run_leases add column shown_at timestamptz")


def downgrade() -> None:
    """Forget it."""
    op.execute("alter table run_leases drop column shown_at")
