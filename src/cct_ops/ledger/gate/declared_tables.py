"""The tables of what people declare: maintenance, and other ends of temporary changes."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.schema import (
    at_column,
    id_column,
    json_column,
    metadata,
    number_column,
    text_column,
)

# Times that people declared, in which nothing is changed on targets of these patterns.
maintenance_windows = sa.Table(
    "maintenance_windows",
    metadata,
    id_column(),
    json_column("targets"),
    at_column("starts_at", nullable=False),
    at_column("ends_at", nullable=False),
    text_column("reason"),
    text_column("person"),
    at_column("made_at", default=True),
    at_column("ended_at"),
    text_column("ended_by", nullable=True),
    sa.Index(
        "ix_maintenance_windows_standing", "ends_at", postgresql_where=sa.text("ended_at is null")
    ),
)

# What people did about the end of a change: that it lasts longer, and that it is to end now.
extensions = sa.Table(
    "extensions",
    metadata,
    id_column(),
    sa.Column(
        "change_id", sa.Uuid, sa.ForeignKey("temporary_changes.id"), nullable=False, index=True
    ),
    sa.Column("run_id", sa.Uuid),
    at_column("was_until", nullable=False),
    at_column("until", nullable=False),
    text_column("reason"),
    text_column("person"),
    at_column("at", default=True),
)

asked_ends = sa.Table(
    "asked_ends",
    metadata,
    number_column(),
    sa.Column(
        "change_id", sa.Uuid, sa.ForeignKey("temporary_changes.id"), nullable=False, index=True
    ),
    sa.Column("run_id", sa.Uuid),
    text_column("person"),
    at_column("at", default=True),
)
