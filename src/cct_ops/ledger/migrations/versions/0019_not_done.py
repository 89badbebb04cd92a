"""What was sent and did nothing: it was refused, or it had no effect."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "not_done"
down_revision = "pauses"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let an action be known to have done nothing."""
    op.drop_constraint(op.f("ck_actions_state"), "actions")
    op.create_check_constraint(
        op.f("ck_actions_state"),
        "actions",
        sa.text("state in ('intended', 'confirmed', 'not done', 'without effect')"),
    )


def downgrade() -> None:
    """Take such an action for one that is in doubt."""
    op.execute("update actions set state = 'intended' where state <> 'confirmed'")
    op.drop_constraint(op.f("ck_actions_state"), "actions")
    op.create_check_constraint(
        op.f("ck_actions_state"), "actions", sa.text("state in ('intended', 'confirmed')")
    )
