"""Whom requests for approval reach, and who was told that the first person said yes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "who_is_reached"
down_revision = "episodes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of ways, and let an approver get more than one letter about a request."""
    op.create_table(
        "approver_ways",
        sa.Column("approver_id", sa.Text, primary_key=True),
        sa.Column("missing", sa.Text),
        sa.Column(
            "checked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
    )
    op.add_column(
        "approval_letters", sa.Column("about", sa.Text, server_default="request", nullable=False)
    )
    op.alter_column("approval_letters", "about", server_default=None)
    op.drop_constraint("pk_approval_letters", "approval_letters")
    op.create_primary_key(
        "pk_approval_letters", "approval_letters", ["approval_id", "approver_id", "about"]
    )
    op.create_check_constraint("about", "approval_letters", "about in ('request', 'first-yes')")
    op.add_column(
        "slack_requests", sa.Column("shown_yes", sa.Integer, server_default="0", nullable=False)
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_column("slack_requests", "shown_yes")
    op.execute("delete from approval_letters where about <> 'request'")
    op.drop_constraint("ck_approval_letters_about", "approval_letters")
    op.drop_constraint("pk_approval_letters", "approval_letters")
    op.create_primary_key("pk_approval_letters", "approval_letters", ["approval_id", "approver_id"])
    op.drop_column("approval_letters", "about")
    op.drop_table("approver_ways")
