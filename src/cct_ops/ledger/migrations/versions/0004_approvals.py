"""
Approvals by persons: what they are shown, who answered how, and every attempt.

Revision ID: approvals
Revises: 0001
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "approvals"
down_revision = "changes"
branch_labels = None
depends_on = None

# What requests lack that were made before: only of use to the reader of an old record.
_FILLED = {
    "state_digest": sa.Column("state_digest", sa.Text, nullable=False, server_default=""),
    "headline": sa.Column("headline", sa.Text, nullable=False, server_default=""),
    "severity": sa.Column("severity", sa.Text, nullable=False, server_default=""),
    "evidence": sa.Column("evidence", JSONB, nullable=False, server_default="[]"),
    "why": sa.Column("why", sa.Text, nullable=False, server_default=""),
    "persons": sa.Column("persons", sa.Integer, nullable=False, server_default="1"),
    "form_accepted": sa.Column(
        "form_accepted", sa.Boolean, nullable=False, server_default=sa.false()
    ),
}
_EMPTY = ("used_at", "escalated_at")
_NOW = sa.text("clock_timestamp()")


def _moment(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=_NOW, nullable=False)


def upgrade() -> None:
    """Widen the requests, and add the answers, the attempts and the letters."""
    for column in _FILLED.values():
        op.add_column("approvals", column)
        op.alter_column("approvals", column.name, server_default=None)
    op.add_column("approvals", sa.Column("started_by", sa.Text))
    for name in _EMPTY:
        op.add_column("approvals", sa.Column(name, sa.DateTime(timezone=True)))
    op.drop_index("ix_approvals_waiting", table_name="approvals")
    op.create_index(
        "ix_approvals_unsettled",
        "approvals",
        ["expires_at"],
        postgresql_where=sa.text("settled_at is null"),
    )
    op.create_table(
        "approval_answers",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("approval_id", sa.Uuid, sa.ForeignKey("approvals.id"), nullable=False),
        sa.Column("approver_id", sa.Text, nullable=False),
        sa.Column("approver", sa.Text, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("approved", sa.Boolean, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        _moment("answered_at"),
        sa.CheckConstraint("way in ('link', 'slack', 'form')", name="way"),
        sa.UniqueConstraint("approval_id", "approver_id"),
    )
    op.create_table(
        "approval_attempts",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("approval_id", sa.Uuid),
        sa.Column("approver_id", sa.Text),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _moment("attempted_at"),
        sa.CheckConstraint("way in ('link', 'slack', 'form', 'resume')", name="way"),
        sa.CheckConstraint("verdict in ('accepted', 'refused')", name="verdict"),
    )
    for name in ("approval_id", "attempted_at"):
        op.create_index(f"ix_approval_attempts_{name}", "approval_attempts", [name])
    op.create_table(
        "approval_letters",
        sa.Column("approval_id", sa.Uuid, sa.ForeignKey("approvals.id"), primary_key=True),
        sa.Column("approver_id", sa.Text, primary_key=True),
        _moment("sent_at"),
    )


def downgrade() -> None:
    """Drop them; who answered is then known from the requests alone."""
    for table in ("approval_letters", "approval_attempts", "approval_answers"):
        op.drop_table(table)
    op.drop_index("ix_approvals_unsettled", table_name="approvals")
    op.create_index(
        "ix_approvals_waiting",
        "approvals",
        ["expires_at"],
        postgresql_where=sa.text("state in ('pending', 'expired') and settled_at is null"),
    )
    for name in (*_FILLED, "started_by", *_EMPTY):
        op.drop_column("approvals", name)
