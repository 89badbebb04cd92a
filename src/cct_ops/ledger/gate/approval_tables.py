"""The tables beside ``approvals``: answers, every attempt at one, letters sent, who is reached."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from cct_ops.ledger.schema import NOW, metadata


def _moment(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=NOW, nullable=False)


answers = sa.Table(
    "approval_answers",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("approval_id", sa.Uuid, sa.ForeignKey("approvals.id"), nullable=False),
    sa.Column("approver_id", sa.Text, nullable=False),
    sa.Column("approver", sa.Text, nullable=False),
    sa.Column("way", sa.Text, nullable=False),
    sa.Column("approved", sa.Boolean, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    _moment("answered_at"),
    sa.CheckConstraint("way in ('link', 'slack', 'form')", name="way"),
    sa.UniqueConstraint("approval_id", "approver_id"),  # nobody counts twice
)

attempts = sa.Table(
    "approval_attempts",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("approval_id", sa.Uuid, index=True),  # no foreign key: it may be made up
    sa.Column("approver_id", sa.Text),
    sa.Column("way", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    _moment("attempted_at"),
    sa.CheckConstraint("way in ('link', 'slack', 'form', 'resume')", name="way"),
    sa.CheckConstraint("verdict in ('accepted', 'refused')", name="verdict"),
    sa.Index("ix_approval_attempts_attempted_at", "attempted_at"),
)

letters = sa.Table(
    "approval_letters",
    metadata,
    sa.Column("approval_id", sa.Uuid, sa.ForeignKey("approvals.id"), primary_key=True),
    sa.Column("approver_id", sa.Text, primary_key=True),
    sa.Column("about", sa.Text, primary_key=True),
    _moment("sent_at"),
    sa.CheckConstraint("about in ('request', 'first-yes')", name="about"),
)

ways = sa.Table(
    "approver_ways",
    metadata,
    sa.Column("approver_id", sa.Text, primary_key=True),
    sa.Column("missing", sa.Text),  # what has to be set; null where requests reach this person
    _moment("checked_at"),
)
