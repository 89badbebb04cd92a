"""The kill switch, holds, and what guards look up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "guards"
down_revision = "0001"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")
_CHANGES = sa.text("kind = 'change'")


def upgrade() -> None:
    """Make the tables, the column that names a guard, and the indexes."""
    op.create_table(
        "switches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_switches")),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index(
        "ix_holds_standing", "holds", ["target"], postgresql_where=sa.text("released_at is null")
    )
    op.add_column("decisions", sa.Column("guard", sa.Text(), nullable=True))
    op.create_index("ix_decisions_by_target", "decisions", ["playbook", "target", "decided_at"])
    op.create_index(
        "ix_resolutions_by_target", "resolutions", ["playbook", "target", "finished_at"]
    )
    op.create_index("ix_incidents_opened_at", "incidents", ["opened_at"])
    op.create_index(
        "ix_permits_changes",
        "permits",
        ["playbook", "target", "issued_at"],
        postgresql_where=_CHANGES,
    )
    op.create_index(
        "ix_permits_changes_by_time", "permits", ["issued_at"], postgresql_where=_CHANGES
    )
    op.create_index(
        "ix_approvals_pending",
        "approvals",
        ["target"],
        postgresql_where=sa.text("state = 'pending'"),
    )


def downgrade() -> None:
    """Take all of it away again."""
    op.drop_index("ix_approvals_pending", table_name="approvals")
    op.drop_index("ix_permits_changes_by_time", table_name="permits")
    op.drop_index("ix_permits_changes", table_name="permits")
    op.drop_index("ix_incidents_opened_at", table_name="incidents")
    op.drop_index("ix_resolutions_by_target", table_name="resolutions")
    op.drop_index("ix_decisions_by_target", table_name="decisions")
    op.drop_column("decisions", "guard")
    op.drop_table("holds")
    op.drop_table("switches")
