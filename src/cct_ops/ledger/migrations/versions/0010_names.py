"""Alerts are found by their name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "names"
down_revision = "pages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index that finds the newest alerts of one name."""
    op.create_index("ix_alerts_alertname", "alerts", [sa.text("(labels ->> 'alertname')"), "id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_alerts_alertname", table_name="alerts")
