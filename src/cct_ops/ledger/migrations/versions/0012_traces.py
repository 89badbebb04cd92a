"""A delivery knows where it stands in a trace, so that its run goes on with it."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let there be one; those of before have none."""
    op.execute("alter table deliveries add column traceparent text")


def downgrade() -> None:
    """Forget them."""
    op.execute("alter table deliveries drop column traceparent")
