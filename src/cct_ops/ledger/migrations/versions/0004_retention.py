"""
The body of a delivery may be deleted when it is old, and be stored without the secrets in it.

Its digest and what was made of it stay.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a body be missing or another than the one that came, and find the old ones."""
    op.execute("""
        alter table deliveries alter column body drop not null;
        alter table deliveries add column stored_sha256 text;
        create index ix_deliveries_kept on deliveries (received_at)
            where body is not null and status in ('accepted', 'ignored');
    """)


def downgrade() -> None:
    """Give what is missing an empty body."""
    op.execute("""
        drop index ix_deliveries_kept;
        alter table deliveries drop column stored_sha256;
        update deliveries set body = '' where body is null;
        alter table deliveries alter column body set not null;
    """)
