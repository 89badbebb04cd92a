"""A later episode supersedes an open one; alerts have a time and their message a name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "episodes"
down_revision = "attempts"
branch_labels = None
depends_on = None

_CHECK = "ck_incidents_closed_as"


def upgrade() -> None:
    """Let incidents be superseded, and keep when each alert came and in which message."""
    op.drop_constraint(op.f(_CHECK), "incidents", type_="check")
    op.create_check_constraint(
        op.f(_CHECK), "incidents", "closed_as in ('resolved', 'expired', 'superseded')"
    )
    op.add_column("alerts", sa.Column("received_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "update alerts a set received_at = d.received_at from deliveries d"
        " where d.id = a.delivery_id"
    )
    op.alter_column(
        "alerts", "received_at", nullable=False, server_default=sa.text("clock_timestamp()")
    )
    op.add_column("alerts", sa.Column("message", sa.Text(), nullable=True))
    op.create_index(
        "ix_alerts_message",
        "alerts",
        ["message"],
        postgresql_where=sa.text("message is not null"),
    )


def downgrade() -> None:
    """Forget it; what was superseded counts as expired."""
    op.drop_index("ix_alerts_message", table_name="alerts")
    op.drop_column("alerts", "message")
    op.drop_column("alerts", "received_at")
    op.execute("update incidents set closed_as = 'expired' where closed_as = 'superseded'")
    op.drop_constraint(op.f(_CHECK), "incidents", type_="check")
    op.create_check_constraint(op.f(_CHECK), "incidents", "closed_as in ('resolved', 'expired')")
