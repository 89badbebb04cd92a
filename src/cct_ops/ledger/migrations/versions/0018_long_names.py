"""An alert with a very long name can be stored: an index holds no more than its beginning."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "long_names"
down_revision = "tellers"
branch_labels = None
depends_on = None

_INDEX = "ix_alerts_alertname"


def upgrade() -> None:
    """Find alerts by the beginning of their name."""
    op.drop_index(_INDEX, table_name="alerts")
    op.create_index(_INDEX, "alerts", [sa.text("left(labels ->> 'alertname', 200)"), "id"])


def downgrade() -> None:
    """Find them by all of it."""
    op.drop_index(_INDEX, table_name="alerts")
    op.create_index(_INDEX, "alerts", [sa.text("(labels ->> 'alertname')"), "id"])
