"""The tables of what the person on call and the public are told."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.schema import at_column, id_column, metadata, text_column, word_column

pages = sa.Table(
    "pages",
    metadata,
    id_column(),
    text_column("cause"),
    sa.Column("topic_id", sa.Uuid, index=True),  # an incident, or a run that belongs to none
    text_column("subject"),
    text_column("body"),
    sa.Column("rung", sa.Integer, nullable=False, server_default="0"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
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
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
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
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    at_column("raised_at", default=True),
    at_column("next_attempt_at", default=True),
    at_column("posted_at"),
    text_column("note", nullable=True),
    sa.Index(
        "ix_status_posts_due", "next_attempt_at", postgresql_where=sa.text("posted_at is null")
    ),
)
