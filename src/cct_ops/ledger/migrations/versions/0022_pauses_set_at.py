"""When a pause of all requests was set."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take those that stand for set now."""
    op.execute(
        "alter table request_pauses"
        " add column set_at timestamptz not null default clock_timestamp()"
    )


def downgrade() -> None:
    """Forget it."""
    op.execute("alter table request_pauses drop column set_at")
