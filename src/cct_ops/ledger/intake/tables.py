"""Deliveries, alerts, incidents, and the runs and notices that are still owed."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from cct_ops.ledger.schema import (
    at_column,
    count_column,
    id_column,
    json_column,
    metadata,
    number_column,
    text_column,
    version_columns,
    word_column,
)

UNDERSTOOD = ("accepted", "ignored")

deliveries = sa.Table(
    "deliveries",
    metadata,
    id_column(),
    text_column("source"),
    sa.Column("sender_id", sa.Text, nullable=False, server_default=""),
    text_column("body_sha256"),
    sa.Column("body", BYTEA),
    text_column("stored_sha256", nullable=True),  # of the body, where it is stored otherwise
    sa.Column("headers", JSONB, nullable=False, server_default="{}"),
    text_column("admitted_by", nullable=True),
    *word_column("status", "accepted", "ignored", "partial", "quarantined"),
    text_column("note", nullable=True),
    count_column("copies", 1),
    at_column("received_at", default=True),
    at_column("last_received_at", default=True),
    text_column("traceparent", nullable=True),
    sa.UniqueConstraint("source", "sender_id", "body_sha256"),
    sa.Index("ix_deliveries_received_at", "received_at"),
    sa.Index(
        "ix_deliveries_kept",
        "received_at",
        postgresql_where=sa.text("body is not null and status in ('accepted', 'ignored')"),
    ),
    sa.Index(
        "ix_deliveries_not_understood",
        "received_at",
        postgresql_where=sa.text("status in ('partial', 'quarantined')"),
    ),
)

incidents = sa.Table(
    "incidents",
    metadata,
    id_column(),
    text_column("source"),
    text_column("key"),
    sa.Column("episode", sa.Integer, nullable=False),
    *word_column("state", "open", "closed"),
    text_column("closed_as", nullable=True),
    json_column("labels"),
    json_column("annotations"),
    at_column("starts_at", nullable=False),
    at_column("ends_at"),
    at_column("opened_at", default=True),
    at_column("last_seen_at", default=True),
    at_column("closed_at"),
    sa.Column("reporters", JSONB, nullable=False, server_default="[]"),
    sa.UniqueConstraint("source", "key", "episode"),
    sa.Index(
        "uq_incidents_one_open",
        "source",
        "key",
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    ),
    sa.CheckConstraint("closed_as in ('resolved', 'expired', 'superseded')", name="closed_as"),
    sa.Index("ix_incidents_opened_at", "opened_at"),
    sa.Index("ix_incidents_open", "opened_at", postgresql_where=sa.text("state = 'open'")),
)

# Incidents that were closed because their sender fell silent: no delivery says so.
expiries = sa.Table(
    "expiries",
    metadata,
    number_column(),
    sa.Column("incident_id", sa.Uuid, sa.ForeignKey("incidents.id"), nullable=False, index=True),
    text_column("source"),
    at_column("last_seen_at", nullable=False),
    at_column("expired_at", default=True),
)

alerts = sa.Table(
    "alerts",
    metadata,
    number_column(),
    sa.Column("delivery_id", sa.Uuid, sa.ForeignKey("deliveries.id"), nullable=False, index=True),
    sa.Column("incident_id", sa.Uuid, sa.ForeignKey("incidents.id"), index=True),
    *word_column("status", "firing", "resolved"),
    json_column("labels"),
    json_column("annotations"),
    at_column("starts_at", nullable=False),
    at_column("ends_at"),
    *word_column("verdict", "opened", "seen", "reopened", "closed", "late", "unknown"),
    at_column("received_at", default=True),
    text_column("message", nullable=True),
    sa.Index("ix_alerts_message", "message", postgresql_where=sa.text("message is not null")),
    sa.Index("ix_alerts_alertname", sa.text("left(labels ->> 'alertname', 200)"), "id"),
)

dispatches = sa.Table(
    "dispatches",
    metadata,
    id_column(),
    sa.Column("incident_id", sa.Uuid, sa.ForeignKey("incidents.id"), nullable=False),
    text_column("purpose"),
    *word_column(
        "state", "pending", "sent", "notified", "dead-lettered", "grouped", default="pending"
    ),
    text_column("rule", nullable=True),
    text_column("playbook", nullable=True),
    count_column("attempts", 0),
    at_column("next_attempt_at", default=True),
    sa.Column("flow_run_id", sa.Uuid, index=True),
    text_column("note", nullable=True),
    at_column("created_at", default=True),
    at_column("finished_at"),
    at_column("notified_at"),
    text_column("undelivered", nullable=True),
    *version_columns("routes"),
    sa.UniqueConstraint("incident_id", "purpose"),
    sa.Index("ix_dispatches_due", "next_attempt_at", postgresql_where=sa.text("state = 'pending'")),
    sa.Index(
        "ix_dispatches_dead_lettered",
        "finished_at",
        postgresql_where=sa.text("state = 'dead-lettered'"),
    ),
    sa.Index(
        "ix_dispatches_unfinished",
        "state",
        postgresql_where=sa.text("state in ('pending', 'dead-lettered', 'grouped')"),
    ),
)

early_ends = sa.Table(
    "early_ends",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    at_column("ends_at", nullable=False),
)

bursts = sa.Table(
    "bursts",
    metadata,
    id_column(),
    at_column("began_at", default=True),
    at_column("ended_at"),
    text_column("reason"),
    sa.Index(
        "uq_bursts_one_at_a_time",
        sa.text("(ended_at is null)"),
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    ),
)

burst_groups = sa.Table(
    "burst_groups",
    metadata,
    sa.Column("burst_id", sa.Uuid, sa.ForeignKey("bursts.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("incident_id", sa.Uuid, sa.ForeignKey("incidents.id"), nullable=False),
    count_column("grouped", 0),
)
