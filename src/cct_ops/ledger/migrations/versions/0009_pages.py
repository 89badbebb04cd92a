"""What the person on call and the public are told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "pages"
down_revision = "threads"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "pages",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("topic_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("rung", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column(
            "next_attempt_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pages")),
        sa.UniqueConstraint("cause", name=op.f("uq_pages_cause")),
    )
    op.create_index(op.f("ix_pages_topic_id"), "pages", ["topic_id"])
    op.create_index(
        "ix_pages_due", "pages", ["next_attempt_at"], postgresql_where=sa.text("ended_at is null")
    )
    op.create_table(
        "page_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("page_id", sa.Uuid(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("attempted_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_page_attempts")),
        sa.ForeignKeyConstraint(
            ["page_id"], ["pages.id"], name=op.f("fk_page_attempts_page_id_pages")
        ),
    )
    op.create_index(op.f("ix_page_attempts_page_id"), "page_attempts", ["page_id"])
    op.create_table(
        "status_posts",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column(
            "next_attempt_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False
        ),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('investigating', 'resolved')", name=op.f("ck_status_posts_state")
        ),
        sa.PrimaryKeyConstraint("incident_id", "number", name=op.f("pk_status_posts")),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_status_posts_incident_id_incidents"),
        ),
    )
    op.create_index(
        "ix_status_posts_due",
        "status_posts",
        ["next_attempt_at"],
        postgresql_where=sa.text("posted_at is null"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("status_posts")
    op.drop_table("page_attempts")
    op.drop_table("pages")
