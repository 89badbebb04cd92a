"""Whether a notice was delivered, or why it was not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "told"
down_revision = "names"
branch_labels = None
depends_on = None

# What notices without a Slack had in their note until now.
_ONLY_LOGGED = "(Told only to the log:"


def upgrade() -> None:
    """Add the two columns; what is known of older notices goes into them."""
    op.add_column("dispatches", sa.Column("told_at", sa.DateTime(timezone=True)))
    op.add_column("dispatches", sa.Column("untold", sa.Text))
    notices = "update dispatches set {} where purpose = 'notice' and {}"
    op.execute(
        notices.format("untold = note", f"(state = 'parked' or strpos(note, '{_ONLY_LOGGED}') > 0)")
    )
    op.execute(notices.format("told_at = finished_at", "state = 'notified' and untold is null"))


def downgrade() -> None:
    """Remove them."""
    op.drop_column("dispatches", "untold")
    op.drop_column("dispatches", "told_at")
