"""Leases of runs, and temporary changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "changes"
down_revision = "guards"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "run_leases",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reaped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="1", nullable=False),
        sa.Column("recoveries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("successor_id", sa.Uuid(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run_leases")),
    )
    op.create_index(
        "ix_run_leases_unsettled",
        "run_leases",
        ["reaped_at"],
        unique=False,
        postgresql_where=sa.text("reaped_at is not null and settled_at is null"),
    )
    op.create_table(
        "temporary_changes",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("permit_id", sa.Uuid(), nullable=False),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("call", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("revert", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="scheduled", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("wake_up_id", sa.Uuid(), nullable=True),
        sa.Column("wake_ups", sa.Integer(), server_default="0", nullable=False),
        sa.Column("alarmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('scheduled', 'active', 'reverting', 'reverted', 'reverted by CCT', 'left',"
            " 'not made')",
            name=op.f("ck_temporary_changes_state"),
        ),
        sa.ForeignKeyConstraint(
            ["permit_id"],
            ["permits.id"],
            name=op.f("fk_temporary_changes_permit_id_permits"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_temporary_changes")),
    )
    op.create_index(
        op.f("ix_temporary_changes_permit_id"), "temporary_changes", ["permit_id"], unique=False
    )
    op.create_index(
        op.f("ix_temporary_changes_run_id"), "temporary_changes", ["run_id"], unique=False
    )
    op.create_index(
        "ix_temporary_changes_open",
        "temporary_changes",
        ["until"],
        unique=False,
        postgresql_where=sa.text("state in ('scheduled', 'active', 'reverting')"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("temporary_changes")
    op.drop_table("run_leases")
