"""The tables of runs that may die, and of changes that must end."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.schema import (
    at_column,
    id_column,
    json_column,
    metadata,
    text_column,
    word_column,
)

run_leases = sa.Table(
    "run_leases",
    metadata,
    sa.Column("run_id", sa.Uuid, primary_key=True),
    at_column("expires_at", nullable=False),
    at_column("reaped_at"),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1"),
    sa.Column("recoveries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("successor_id", sa.Uuid),
    at_column("settled_at"),
    sa.Column("holder", sa.Uuid),
    sa.Index(
        "ix_run_leases_unsettled",
        "reaped_at",
        postgresql_where=sa.text("reaped_at is not null and settled_at is null"),
    ),
)

temporary_changes = sa.Table(
    "temporary_changes",
    metadata,
    id_column(),
    sa.Column("run_id", sa.Uuid, nullable=False, index=True),
    sa.Column("permit_id", sa.Uuid, sa.ForeignKey("permits.id"), nullable=False, index=True),
    text_column("playbook"),
    text_column("target"),
    json_column("call"),
    json_column("revert"),
    text_column("before"),
    text_column("owner"),
    text_column("reason"),
    *word_column(
        "state",
        "scheduled",
        "active",
        "reverting",
        "reverted",
        "reverted by CCT",
        "left",
        "not made",
        default="scheduled",
    ),
    at_column("created_at", default=True),
    at_column("until", nullable=False),
    at_column("ended_at"),
    text_column("note", nullable=True),
    sa.Column("wake_up_id", sa.Uuid),
    sa.Column("wake_ups", sa.Integer, nullable=False, server_default="0"),
    at_column("alarmed_at"),
    sa.Index(
        "ix_temporary_changes_open",
        "until",
        postgresql_where=sa.text("state in ('scheduled', 'active', 'reverting')"),
    ),
)
