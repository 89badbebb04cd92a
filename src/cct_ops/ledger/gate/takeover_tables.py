"""The table of takeovers: of each run at most one that lets it watch on, and one that stops it."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.schema import at_column, metadata, number_column, text_column, word_column

_WATCHES = sa.text("choice = 'keep watching only'")
_STOPS = sa.text("choice <> 'keep watching only'")

takeovers = sa.Table(
    "takeovers",
    metadata,
    number_column(),
    sa.Column("run_id", sa.Uuid, nullable=False),
    sa.Column("incident_id", sa.Uuid),
    text_column("playbook"),
    text_column("target"),  # empty where the ledger does not know it yet
    *word_column("choice", "stop and undo", "stop and keep", "keep watching only"),
    text_column("person"),
    text_column("proof"),
    text_column("reason"),
    at_column("held_until"),
    at_column("at", default=True),
    at_column("stopped_at"),
    at_column("notified_at"),
    at_column("settled_at"),
    sa.Index("uq_takeovers_watch", "run_id", unique=True, postgresql_where=_WATCHES),
    sa.Index("uq_takeovers_stop", "run_id", unique=True, postgresql_where=_STOPS),
    sa.Index("ix_takeovers_unsettled", "id", postgresql_where=sa.text("settled_at is null")),
)
