"""A delivery can be of no interest, or be understood in part."""

from __future__ import annotations

from alembic import op

revision = "ignored"
down_revision = "who_is_reached"
branch_labels = None
depends_on = None

_NAME = "ck_deliveries_status"


def upgrade() -> None:
    """Allow the two new words."""
    op.drop_constraint(op.f(_NAME), "deliveries")
    op.create_check_constraint(
        op.f(_NAME), "deliveries", "status in ('accepted', 'ignored', 'partial', 'quarantined')"
    )


def downgrade() -> None:
    """Say it with the old ones."""
    op.execute("update deliveries set status = 'accepted' where status = 'ignored'")
    op.execute("update deliveries set status = 'quarantined' where status = 'partial'")
    op.drop_constraint(op.f(_NAME), "deliveries")
    op.create_check_constraint(op.f(_NAME), "deliveries", "status in ('accepted', 'quarantined')")
