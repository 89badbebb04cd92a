"""
The account of each run: decisions, verifications, outcomes, and the journal of experiments.

And what people promised to do after an incident, and which backups of all this there are.
"""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.schema import (
    at_column,
    id_column,
    json_column,
    metadata,
    number_column,
    text_column,
    version_columns,
    word_column,
)

decisions = sa.Table(
    "decisions",
    metadata,
    number_column(),
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
    *version_columns("policy"),
    sa.Index("ix_decisions_by_target", "playbook", "target", "decided_at"),
    sa.Index("ix_decisions_p0", "decided_at", postgresql_where=sa.text("severity = 'P0'")),
)

verifications = sa.Table(
    "verifications",
    metadata,
    number_column(),
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
    sa.Index(
        "ix_resolutions_of_no_incident",
        "finished_at",
        postgresql_where=sa.text("incident_id is null"),
    ),
)

journal_entries = sa.Table(
    "journal_entries",
    metadata,
    number_column(),
    sa.Column("run_id", sa.Uuid, nullable=False, index=True),
    at_column("at", nullable=False),
    text_column("phase"),
    json_column("entry"),
)

follow_ups = sa.Table(
    "follow_ups",
    metadata,
    id_column(),
    sa.Column("topic_id", sa.Uuid, nullable=False),  # an incident, or a run that belongs to none
    text_column("text"),
    text_column("owner"),
    sa.Column("due", sa.Date, nullable=False),
    *word_column("state", "open", "done", "dropped", default="open"),
    text_column("reason", nullable=True),
    text_column("proposal", nullable=True),
    text_column("made_by"),
    at_column("made_at", default=True),
    text_column("assigned_by", nullable=True),
    at_column("assigned_at"),
    text_column("ended_by", nullable=True),
    at_column("ended_at"),
    sa.Column("notified_on", sa.Date),
    sa.Column("issue_number", sa.BigInteger),
    text_column("issue_url", nullable=True),
    text_column("issue_state", nullable=True),
    at_column("issue_asked_at"),
    sa.UniqueConstraint("topic_id", "proposal"),
    sa.CheckConstraint("(state = 'open') = (ended_at is null)", name="ended"),
    sa.CheckConstraint("(state = 'dropped') = (reason is not null)", name="reason"),
    sa.CheckConstraint("issue_state in ('open', 'changed', 'closed', 'gone')", name="issue_state"),
    sa.Index("ix_follow_ups_open", "due", postgresql_where=sa.text("state = 'open'")),
)

# The file is known by its digest; where it lies now, only people know.
backups = sa.Table(
    "backups",
    metadata,
    number_column(),
    at_column("taken_at", nullable=False),
    text_column("person"),
    text_column("file"),
    text_column("sha256"),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("leaves", sa.BigInteger, nullable=False),
    at_column("at", default=True),
)

restores = sa.Table(
    "restores",
    metadata,
    number_column(),
    at_column("backup_taken_at", nullable=False),
    text_column("backup_sha256"),
    text_column("person"),
    json_column("held"),
    sa.Column("stopped", sa.Boolean, nullable=False),
    text_column("why"),
    at_column("at", default=True),
)
