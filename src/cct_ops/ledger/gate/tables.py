"""The tables of switches, locks, permits, approvals, changes, and the budget of requests."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA

from cct_ops.ledger.schema import (
    at_column,
    count_column,
    id_column,
    json_column,
    metadata,
    number_column,
    text_column,
    word_column,
)

CHANGES = sa.text("kind = 'change'")

# The kill switch: the newest row holds, the older ones say who stopped what and when.
switches = sa.Table(
    "switches",
    metadata,
    number_column(),
    sa.Column("stopped", sa.Boolean, nullable=False),
    text_column("reason"),
    text_column("person"),
    at_column("at", default=True),
)

# While people change the installation nothing new begins: the newest row holds.
drains = sa.Table(
    "drains",
    metadata,
    number_column(),
    sa.Column("draining", sa.Boolean, nullable=False),
    text_column("reason"),
    text_column("person"),
    at_column("at", default=True),
)

holds = sa.Table(
    "holds",
    metadata,
    number_column(),
    text_column("target"),
    text_column("reason"),
    text_column("person"),
    at_column("placed_at", default=True),
    at_column("until", nullable=False),
    at_column("released_at"),
    text_column("released_by", nullable=True),
    sa.Index("ix_holds_standing", "target", postgresql_where=sa.text("released_at is null")),
)

fencing_tokens = sa.Sequence("fencing_tokens", metadata=metadata)

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
    number_column(),
    sa.Column("permit_id", sa.Uuid, sa.ForeignKey("permits.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    json_column("call"),
    *word_column("state", "intended", "confirmed", "not done", "without effect"),
    at_column("intended_at", default=True),
    at_column("confirmed_at"),
    sa.UniqueConstraint("permit_id", "position"),
)

run_leases = sa.Table(
    "run_leases",
    metadata,
    sa.Column("run_id", sa.Uuid, primary_key=True),
    at_column("expires_at", nullable=False),
    at_column("shown_at"),
    at_column("reaped_at"),
    count_column("attempt", 1),
    count_column("recoveries", 0),
    sa.Column("successor_id", sa.Uuid),
    at_column("settled_at"),
    sa.Column("holder", sa.Uuid),
    at_column("began_at"),
    # by what the run was started, in the words of ``Starter``; and who, where that is known
    text_column("started_as", nullable=True),
    text_column("started_by", nullable=True),
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
    sa.Column("scheduled_revert_id", sa.Uuid),
    count_column("scheduled_reverts", 0),
    at_column("alarmed_at"),
    sa.Index(
        "ix_temporary_changes_open",
        "until",
        postgresql_where=sa.text("state in ('scheduled', 'active', 'reverting')"),
    ),
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

answers = sa.Table(
    "approval_answers",
    metadata,
    number_column(),
    sa.Column("approval_id", sa.Uuid, sa.ForeignKey("approvals.id"), nullable=False),
    text_column("approver_id"),
    text_column("approver"),
    *word_column("way", "link", "slack", "form", "board"),
    sa.Column("approved", sa.Boolean, nullable=False),
    text_column("note"),
    at_column("answered_at", default=True),
    sa.UniqueConstraint("approval_id", "approver_id"),  # nobody counts twice
)

attempts = sa.Table(
    "approval_attempts",
    metadata,
    number_column(),
    sa.Column("approval_id", sa.Uuid, index=True),  # no foreign key: it may be made up
    text_column("approver_id", nullable=True),
    *word_column("way", "link", "slack", "form", "resume", "board"),
    *word_column("verdict", "accepted", "refused"),
    text_column("reason"),
    at_column("attempted_at", default=True),
    sa.Index("ix_approval_attempts_attempted_at", "attempted_at"),
)

sent_links = sa.Table(
    "sent_links",
    metadata,
    sa.Column("approval_id", sa.Uuid, sa.ForeignKey("approvals.id"), primary_key=True),
    sa.Column("approver_id", sa.Text, primary_key=True),
    sa.Column("about", sa.Text, primary_key=True),
    at_column("sent_at", default=True),
    sa.CheckConstraint("about in ('request', 'first-yes')", name="about"),
)

ways = sa.Table(
    "approver_ways",
    metadata,
    sa.Column("approver_id", sa.Text, primary_key=True),
    text_column("missing", nullable=True),  # what has to be set; null where requests reach them
    at_column("checked_at", default=True),
)

requests = sa.Table(
    "requests",
    metadata,
    number_column(),
    text_column("cct"),
    sa.Column("write", sa.Boolean, nullable=False),
    sa.Column("run_id", sa.Uuid),
    at_column("granted_at", default=True),
    at_column("expires_at", nullable=False),
    sa.Index("ix_requests_live", "cct", "expires_at"),
)

request_pauses = sa.Table(
    "request_pauses",
    metadata,
    sa.Column("cct", sa.Text, primary_key=True),
    at_column("until", nullable=False),
    # A pause that was set in the future is one of a clock that was ahead.
    at_column("set_at", default=True),
)

readings = sa.Table(
    "readings",
    metadata,
    sa.Column("cct", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    at_column("began_at", nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    json_column("headers"),
    sa.Column("body", BYTEA, nullable=False),
)

run_reads = sa.Table(
    "run_reads",
    metadata,
    number_column(),
    sa.Column("run_id", sa.Uuid, nullable=False, index=True),
    text_column("cct"),
    text_column("key"),
    at_column("began_at", nullable=False),
    # its own request, or one that was sent ahead of it or for another run
    sa.Column("own", sa.Boolean, nullable=False),
)

refused_keys = sa.Table(
    "refused_keys",
    metadata,
    sa.Column("cct", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    text_column("said"),
    at_column("refused_at", default=True),
    at_column("until"),
)
