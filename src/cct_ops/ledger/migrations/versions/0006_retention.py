"""The body of a delivery may be deleted when it is old; its digest and what was made of it stay."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a body be missing, and find the old ones that are not."""
    op.execute("""
        alter table deliveries alter column body drop not null;
        create index ix_deliveries_kept on deliveries (received_at)
            where body is not null and status in ('accepted', 'ignored');
    """)


def downgrade() -> None:
    """Give what is missing an empty body."""
    op.execute("""
        drop index ix_deliveries_kept;
        update deliveries set body = '' where body is null;
        alter table deliveries alter column body set not null;
    """)
