"""
The tables of the ledger.

All times are the database's clock (``clock_timestamp()``), never a process's: several machines
write here. Enumerations are text with a check, so that a new word is a migration and never a
surprise.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NOW = sa.text("clock_timestamp()")
NEW_ID = sa.text("gen_random_uuid()")

CHANGES = sa.text("kind = 'change'")

fencing_tokens = sa.Sequence("fencing_tokens", metadata=metadata)


def id_column() -> sa.Column[UUID]:
    """A key that the database makes."""
    return sa.Column("id", sa.Uuid, primary_key=True, server_default=NEW_ID)


def at_column(name: str, *, default: bool = False, nullable: bool = True) -> sa.Column[datetime]:
    """A moment, by the database's clock where it has a default."""
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=nullable and not default,
        server_default=NOW if default else None,
    )


def text_column(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """Text of any length."""
    return sa.Column(name, sa.Text, nullable=nullable)


def json_column(name: str) -> sa.Column[Any]:
    """A document."""
    return sa.Column(name, JSONB, nullable=False)


def word_column(
    name: str, *words: str, default: str | None = None
) -> tuple[sa.Column[str], sa.CheckConstraint]:
    """One of a few words, and the check that it is none other."""
    quoted = ", ".join(f"'{word}'" for word in words)
    return (
        sa.Column(name, sa.Text, nullable=False, server_default=default),
        sa.CheckConstraint(f"{name} in ({quoted})", name=name),
    )


# -- intake ---------------------------------------------------------------------------------

deliveries = sa.Table(
    "deliveries",
    metadata,
    id_column(),
    text_column("source"),
    sa.Column("sender_id", sa.Text, nullable=False, server_default=""),
    text_column("body_sha256"),
    sa.Column("body", BYTEA, nullable=False),
    sa.Column("headers", JSONB, nullable=False, server_default="{}"),
    text_column("admitted_by", nullable=True),
    *word_column("status", "accepted", "ignored", "partial", "quarantined"),
    text_column("note", nullable=True),
    sa.Column("copies", sa.Integer, nullable=False, server_default="1"),
    at_column("received_at", default=True),
    at_column("last_received_at", default=True),
    sa.UniqueConstraint("source", "sender_id", "body_sha256"),
    sa.Index("ix_deliveries_received_at", "received_at"),
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
    sa.Column("tellers", JSONB, nullable=False, server_default="[]"),
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
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
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
    *word_column("state", "pending", "sent", "notified", "parked", "folded", default="pending"),
    text_column("rule", nullable=True),
    text_column("playbook", nullable=True),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    at_column("next_attempt_at", default=True),
    sa.Column("flow_run_id", sa.Uuid, index=True),
    text_column("note", nullable=True),
    at_column("created_at", default=True),
    at_column("finished_at"),
    at_column("told_at"),
    text_column("untold", nullable=True),
    sa.UniqueConstraint("incident_id", "purpose"),
    sa.Index("ix_dispatches_due", "next_attempt_at", postgresql_where=sa.text("state = 'pending'")),
)

# -- the gate -------------------------------------------------------------------------------

target_locks = sa.Table(
    "target_locks",
    metadata,
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("fencing_token", sa.BigInteger, nullable=False),
    sa.Column("run_id", sa.Uuid, nullable=False),
    at_column("expires_at", nullable=False),
)

permits = sa.Table(
    "permits",
    metadata,
    id_column(),
    *word_column("kind", "change", "restore"),
    sa.Column("run_id", sa.Uuid, nullable=False, index=True),
    sa.Column("incident_id", sa.Uuid, index=True),
    text_column("playbook"),
    text_column("target"),
    text_column("plan_digest"),
    json_column("calls"),
    sa.Column("fencing_token", sa.BigInteger, nullable=False),
    at_column("issued_at", default=True),
    at_column("expires_at", nullable=False),
    at_column("closed_at"),
    sa.Index("ix_permits_changes", "playbook", "target", "issued_at", postgresql_where=CHANGES),
    sa.Index("ix_permits_changes_by_time", "issued_at", postgresql_where=CHANGES),
)

actions = sa.Table(
    "actions",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("permit_id", sa.Uuid, sa.ForeignKey("permits.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    json_column("call"),
    *word_column("state", "intended", "confirmed", "not done", "without effect"),
    at_column("intended_at", default=True),
    at_column("confirmed_at"),
    sa.UniqueConstraint("permit_id", "position"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    id_column(),
    sa.Column("run_id", sa.Uuid, nullable=False),
    sa.Column("incident_id", sa.Uuid),
    text_column("playbook"),
    text_column("target"),
    json_column("plan"),
    text_column("plan_digest"),
    text_column("state_digest"),
    text_column("headline"),
    text_column("severity"),
    json_column("evidence"),
    text_column("why"),
    text_column("started_by", nullable=True),
    sa.Column("persons", sa.Integer, nullable=False),
    sa.Column("form_accepted", sa.Boolean, nullable=False),
    *word_column("state", "pending", "approved", "declined", "expired", "void", default="pending"),
    at_column("requested_at", default=True),
    at_column("expires_at", nullable=False),
    at_column("decided_at"),
    at_column("settled_at"),
    at_column("used_at"),
    at_column("escalated_at"),
    text_column("approver", nullable=True),
    sa.Column("authenticated", sa.Boolean, nullable=False, server_default=sa.false()),
    text_column("note", nullable=True),
    sa.UniqueConstraint("run_id", "plan_digest"),
    sa.Index(
        "ix_approvals_unsettled", "expires_at", postgresql_where=sa.text("settled_at is null")
    ),
    sa.Index("ix_approvals_pending", "target", postgresql_where=sa.text("state = 'pending'")),
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("run_id", sa.Uuid, nullable=False, index=True),
    sa.Column("incident_id", sa.Uuid, index=True),
    text_column("playbook"),
    text_column("target"),
    text_column("mode"),
    text_column("verdict"),
    text_column("reason"),
    text_column("headline"),
    text_column("severity"),
    json_column("evidence"),
    json_column("plan"),
    text_column("plan_digest"),
    text_column("guard", nullable=True),
    at_column("decided_at", default=True),
    sa.Index("ix_decisions_by_target", "playbook", "target", "decided_at"),
)

verifications = sa.Table(
    "verifications",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("run_id", sa.Uuid, nullable=False, index=True),
    text_column("verdict"),
    text_column("reason"),
    sa.Column("samples", sa.Integer, nullable=False),
    at_column("verified_at", default=True),
)

resolutions = sa.Table(
    "resolutions",
    metadata,
    sa.Column("run_id", sa.Uuid, primary_key=True),
    sa.Column("incident_id", sa.Uuid, index=True),
    text_column("playbook"),
    text_column("target"),
    text_column("outcome"),
    text_column("reason"),
    at_column("finished_at", default=True),
    sa.Index("ix_resolutions_by_target", "playbook", "target", "finished_at"),
)
