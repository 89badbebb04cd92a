"""Pages, status posts, what stands in Slack, and which of our own parts are heard."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from cct_ops.ledger.schema import (
    at_column,
    count_column,
    id_column,
    metadata,
    number_column,
    text_column,
    word_column,
)

pages = sa.Table(
    "pages",
    metadata,
    id_column(),
    text_column("cause"),
    sa.Column("topic_id", sa.Uuid, index=True),  # an incident, or a run that belongs to none
    text_column("subject"),
    text_column("body"),
    count_column("escalation_step", 0),
    count_column("attempts", 0),
    at_column("raised_at", default=True),
    at_column("next_attempt_at", default=True),
    at_column("ended_at"),
    text_column("contact", nullable=True),
    text_column("note", nullable=True),
    sa.UniqueConstraint("cause"),
    sa.Index("ix_pages_due", "next_attempt_at", postgresql_where=sa.text("ended_at is null")),
)

page_attempts = sa.Table(
    "page_attempts",
    metadata,
    number_column(),
    sa.Column("page_id", sa.Uuid, sa.ForeignKey("pages.id"), nullable=False, index=True),
    text_column("contact"),
    text_column("way"),
    sa.Column("reached", sa.Boolean, nullable=False),
    text_column("note", nullable=True),
    at_column("attempted_at", default=True),
)

status_posts = sa.Table(
    "status_posts",
    metadata,
    sa.Column("incident_id", sa.Uuid, sa.ForeignKey("incidents.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    *word_column("state", "investigating", "resolved"),
    count_column("attempts", 0),
    at_column("raised_at", default=True),
    at_column("next_attempt_at", default=True),
    at_column("posted_at"),
    text_column("note", nullable=True),
    sa.Index(
        "ix_status_posts_due", "next_attempt_at", postgresql_where=sa.text("posted_at is null")
    ),
)

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
    count_column("shown_yes", 0),
    sa.Index(
        "ix_slack_requests_open", "approval_id", postgresql_where=sa.text("closed_at is null")
    ),
)

pauses = sa.Table(
    "pauses",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    at_column("notified_at", nullable=False),
)

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    at_column("last_at", nullable=False),
    at_column("alarmed_at"),
)
