"""What needs a person is counted at each scrape of the metrics, whatever the ledger's size."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let it be found by indexes that hold nothing else."""
    op.execute("""
        create index ix_deliveries_not_understood on deliveries (received_at)
            where status in ('partial', 'quarantined');
        create index ix_dispatches_dead_lettered on dispatches (finished_at)
            where state = 'dead-lettered';
    """)


def downgrade() -> None:
    """Drop them."""
    op.execute("""
        drop index ix_dispatches_dead_lettered;
        drop index ix_deliveries_not_understood;
    """)
