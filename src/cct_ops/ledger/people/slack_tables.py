"""The tables of what stands in Slack: threads, and requests for approval with their buttons."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from cct_ops.ledger.schema import at_column, metadata, text_column

slack_threads = sa.Table(
    "slack_threads",
    metadata,
    sa.Column("topic_id", sa.Uuid, primary_key=True),  # of an incident, or of a run without one
    text_column("channel", nullable=True),
    text_column("ts", nullable=True),
    sa.Column("topic", JSONB),
    at_column("opened_at", default=True),
    sa.CheckConstraint("(channel is null) = (ts is null)", name="place"),
)

slack_requests = sa.Table(
    "slack_requests",
    metadata,
    sa.Column("approval_id", sa.Uuid, sa.ForeignKey("approvals.id"), primary_key=True),
    text_column("channel"),
    text_column("ts"),
    at_column("closed_at"),
    sa.Column("shown_yes", sa.Integer, server_default="0", nullable=False),
    sa.Index(
        "ix_slack_requests_open", "approval_id", postgresql_where=sa.text("closed_at is null")
    ),
)
