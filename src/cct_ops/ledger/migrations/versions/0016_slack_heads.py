"""Heads of threads in Slack show who has an incident: those of open ones are found at once."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index them; there are few at a time."""
    op.execute("""
        create index ix_slack_threads_open on slack_threads (topic_id)
            where (topic #>> '{held,open}') = 'true'
    """)


def downgrade() -> None:
    """Drop it."""
    op.execute("drop index ix_slack_threads_open")
