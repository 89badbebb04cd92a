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

fencing_tokens = sa.Sequence("fencing_tokens", metadata=metadata)


def _id() -> sa.Column[UUID]:
    return sa.Column("id", sa.Uuid, primary_key=True, server_default=NEW_ID)


def _at(name: str, *, default: bool = False, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=nullable and not default,
        server_default=NOW if default else None,
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _json(name: str) -> sa.Column[Any]:
    return sa.Column(name, JSONB, nullable=False)


def _word(
    name: str, *words: str, default: str | None = None
) -> tuple[sa.Column[str], sa.CheckConstraint]:
    quoted = ", ".join(f"'{word}'" for word in words)
    return (
        sa.Column(name, sa.Text, nullable=False, server_default=default),
        sa.CheckConstraint(f"{name} in ({quoted})", name=name),
    )


# -- intake ---------------------------------------------------------------------------------

deliveries = sa.Table(
    "deliveries",
    metadata,
    _id(),
    _text("source"),
    sa.Column("sender_id", sa.Text, nullable=False, server_default=""),
    _text("body_sha256"),
    sa.Column("body", BYTEA, nullable=False),
    sa.Column("headers", JSONB, nullable=False, server_default="{}"),
    _text("admitted_by", nullable=True),
    *_word("status", "accepted", "quarantined"),
    _text("note", nullable=True),
    sa.Column("copies", sa.Integer, nullable=False, server_default="1"),
    _at("received_at", default=True),
    _at("last_received_at", default=True),
    sa.UniqueConstraint("source", "sender_id", "body_sha256"),
    sa.Index("ix_deliveries_received_at", "received_at"),
)

incidents = sa.Table(
    "incidents",
    metadata,
    _id(),
    _text("source"),
    _text("key"),
    sa.Column("episode", sa.Integer, nullable=False),
    *_word("state", "open", "closed"),
    _text("closed_as", nullable=True),
    _json("labels"),
    _json("annotations"),
    _at("starts_at", nullable=False),
    _at("ends_at"),
    _at("opened_at", default=True),
    _at("last_seen_at", default=True),
    _at("closed_at"),
    sa.UniqueConstraint("source", "key", "episode"),
    sa.Index(
        "uq_incidents_one_open",
        "source",
        "key",
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    ),
    sa.CheckConstraint("closed_as in ('resolved', 'expired')", name="closed_as"),
    sa.Index("ix_incidents_opened_at", "opened_at"),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("delivery_id", sa.Uuid, sa.ForeignKey("deliveries.id"), nullable=False, index=True),
    sa.Column("incident_id", sa.Uuid, sa.ForeignKey("incidents.id"), index=True),
    *_word("status", "firing", "resolved"),
    _json("labels"),
    _json("annotations"),
    _at("starts_at", nullable=False),
    _at("ends_at"),
    *_word("verdict", "opened", "seen", "reopened", "closed", "late", "unknown"),
)

dispatches = sa.Table(
    "dispatches",
    metadata,
    _id(),
    sa.Column("incident_id", sa.Uuid, sa.ForeignKey("incidents.id"), nullable=False),
    _text("purpose"),
    *_word("state", "pending", "sent", "notified", "parked", "folded", default="pending"),
    _text("rule", nullable=True),
    _text("playbook", nullable=True),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    _at("next_attempt_at", default=True),
    sa.Column("flow_run_id", sa.Uuid, index=True),
    _text("note", nullable=True),
    _at("created_at", default=True),
    _at("finished_at"),
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
    _at("expires_at", nullable=False),
)

permits = sa.Table(
    "permits",
    metadata,
    _id(),
    *_word("kind", "change", "restore"),
    sa.Column("run_id", sa.Uuid, nullable=False, index=True),
    sa.Column("incident_id", sa.Uuid, index=True),
    _text("playbook"),
    _text("target"),
    _text("plan_digest"),
    _json("calls"),
    sa.Column("fencing_token", sa.BigInteger, nullable=False),
    _at("issued_at", default=True),
    _at("expires_at", nullable=False),
    _at("closed_at"),
)

actions = sa.Table(
    "actions",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("permit_id", sa.Uuid, sa.ForeignKey("permits.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    _json("call"),
    *_word("state", "intended", "confirmed"),
    _at("intended_at", default=True),
    _at("confirmed_at"),
    sa.UniqueConstraint("permit_id", "position"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    _id(),
    sa.Column("run_id", sa.Uuid, nullable=False),
    sa.Column("incident_id", sa.Uuid),
    _text("playbook"),
    _text("target"),
    _json("plan"),
    _text("plan_digest"),
    *_word("state", "pending", "approved", "declined", "expired", "void", default="pending"),
    _at("requested_at", default=True),
    _at("expires_at", nullable=False),
    _at("decided_at"),
    _at("settled_at"),
    _text("approver", nullable=True),
    sa.Column("authenticated", sa.Boolean, nullable=False, server_default=sa.false()),
    _text("note", nullable=True),
    sa.UniqueConstraint("run_id", "plan_digest"),
    sa.Index(
        "ix_approvals_waiting",
        "expires_at",
        postgresql_where=sa.text("state in ('pending', 'expired') and settled_at is null"),
    ),
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("run_id", sa.Uuid, nullable=False, index=True),
    sa.Column("incident_id", sa.Uuid, index=True),
    _text("playbook"),
    _text("target"),
    _text("mode"),
    _text("verdict"),
    _text("reason"),
    _text("headline"),
    _text("severity"),
    _json("evidence"),
    _json("plan"),
    _text("plan_digest"),
    _at("decided_at", default=True),
)

verifications = sa.Table(
    "verifications",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("run_id", sa.Uuid, nullable=False, index=True),
    _text("verdict"),
    _text("reason"),
    sa.Column("samples", sa.Integer, nullable=False),
    _at("verified_at", default=True),
)

resolutions = sa.Table(
    "resolutions",
    metadata,
    sa.Column("run_id", sa.Uuid, primary_key=True),
    sa.Column("incident_id", sa.Uuid, index=True),
    _text("playbook"),
    _text("target"),
    _text("outcome"),
    _text("reason"),
    _at("finished_at", default=True),
)

# -- pacing of requests to CCT --------------------------------------------------------------

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    _text("cct"),
    sa.Column("write", sa.Boolean, nullable=False),
    sa.Column("run_id", sa.Uuid),
    _at("granted_at", default=True),
    _at("expires_at", nullable=False),
    sa.Index("ix_requests_live", "cct", "expires_at"),
)

request_pauses = sa.Table(
    "request_pauses",
    metadata,
    sa.Column("cct", sa.Text, primary_key=True),
    _at("until", nullable=False),
)

readings = sa.Table(
    "readings",
    metadata,
    sa.Column("cct", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    _at("began_at", nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    _json("headers"),
    sa.Column("body", BYTEA, nullable=False),
)
