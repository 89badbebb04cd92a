"""Deliveries that their senders name, and storms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "intake"
down_revision = "approvals"
branch_labels = None
depends_on = None

_STATES = ("pending", "sent", "notified", "parked")


def _states(*words: str) -> str:
    return "state in ({})".format(", ".join(f"'{word}'" for word in words))


def upgrade() -> None:
    """Name deliveries as their senders do, and make room for storms."""
    op.add_column(
        "deliveries", sa.Column("sender_id", sa.Text(), server_default="", nullable=False)
    )
    op.add_column(
        "deliveries",
        sa.Column(
            "headers", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
    )
    op.add_column("deliveries", sa.Column("admitted_by", sa.Text(), nullable=True))
    op.drop_constraint(op.f("uq_deliveries_source_body_sha256"), "deliveries")
    op.create_unique_constraint(
        op.f("uq_deliveries_source_sender_id_body_sha256"),
        "deliveries",
        ["source", "sender_id", "body_sha256"],
    )
    op.create_index("ix_deliveries_received_at", "deliveries", ["received_at"])
    op.drop_constraint(op.f("ck_dispatches_state"), "dispatches")
    op.create_check_constraint(
        op.f("ck_dispatches_state"), "dispatches", _states(*_STATES, "folded")
    )
    op.create_table(
        "storms",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "began_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storms")),
    )
    op.create_index(
        "uq_storms_one_at_a_time",
        "storms",
        [sa.text("(ended_at is null)")],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "storm_groups",
        sa.Column("storm_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("folded", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["storm_id"], ["storms.id"], name=op.f("fk_storm_groups_storm_id_storms")
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_storm_groups_incident_id_incidents")
        ),
        sa.PrimaryKeyConstraint("storm_id", "name", name=op.f("pk_storm_groups")),
    )


def downgrade() -> None:
    """Go back; deliveries that only their sender's name told apart must be gone by then."""
    op.drop_table("storm_groups")
    op.drop_index("uq_storms_one_at_a_time", table_name="storms")
    op.drop_table("storms")
    op.drop_constraint(op.f("ck_dispatches_state"), "dispatches")
    op.create_check_constraint(op.f("ck_dispatches_state"), "dispatches", _states(*_STATES))
    op.drop_index("ix_deliveries_received_at", table_name="deliveries")
    op.drop_constraint(op.f("uq_deliveries_source_sender_id_body_sha256"), "deliveries")
    op.create_unique_constraint(
        op.f("uq_deliveries_source_body_sha256"), "deliveries", ["source", "body_sha256"]
    )
    op.drop_column("deliveries", "admitted_by")
    op.drop_column("deliveries", "headers")
    op.drop_column("deliveries", "sender_id")
