"""Pages, who has an incident, what stands in Slack, who is signed in, which parts are heard."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from cct_ops.ledger.schema import (
    at_column,
    count_column,
    id_column,
    metadata,
    number_column,
    text_column,
    word_column,
)
from cct_ops.models.role import Role

pages = sa.Table(
    "pages",
    metadata,
    id_column(),
    text_column("cause"),
    sa.Column("topic_id", sa.Uuid, index=True),  # an incident, or a run that belongs to none
    text_column("subject"),
    text_column("body"),
    count_column("escalation_step", 0),
    count_column("attempts", 0),
    at_column("raised_at", default=True),
    at_column("next_attempt_at", default=True),
    at_column("ended_at"),
    text_column("contact", nullable=True),
    text_column("note", nullable=True),
    text_column("addressee", nullable=True),  # the one person that it is for, by id
    sa.UniqueConstraint("cause"),
    sa.Index("ix_pages_raised_at", "raised_at"),
    sa.Index("ix_pages_due", "next_attempt_at", postgresql_where=sa.text("ended_at is null")),
)

page_attempts = sa.Table(
    "page_attempts",
    metadata,
    number_column(),
    sa.Column("page_id", sa.Uuid, sa.ForeignKey("pages.id"), nullable=False, index=True),
    text_column("contact"),
    text_column("way"),
    text_column("why", nullable=True),  # it was this contact's turn; not known of older ones
    sa.Column("reached", sa.Boolean),  # null while it goes on, and where its process died meanwhile
    text_column("note", nullable=True),
    at_column("attempted_at", default=True),
)

# Who stands in for whom, or for whoever has a layer of the rota.
on_call_covers = sa.Table(
    "on_call_covers",
    metadata,
    id_column(),
    text_column("person"),
    text_column("instead_of"),
    at_column("begins", nullable=False),
    at_column("ends", nullable=False),
    text_column("reason"),
    text_column("entered_by"),
    at_column("entered_at", default=True),
    at_column("withdrawn_at"),
    text_column("withdrawn_by", nullable=True),
    sa.CheckConstraint("begins < ends", name="time"),
    sa.Index("ix_on_call_covers_ends", "ends"),
)

# What the calendar of a layer said when it could be read last.
on_call_calendars = sa.Table(
    "on_call_calendars",
    metadata,
    sa.Column("layer", sa.Text, primary_key=True),
    text_column("place"),
    sa.Column("planned", JSONB, nullable=False),
    sa.Column("passed_over", JSONB, nullable=False),
    at_column("known_until"),
    at_column("read_at"),
    text_column("problem", nullable=True),
)

status_posts = sa.Table(
    "status_posts",
    metadata,
    sa.Column("incident_id", sa.Uuid, sa.ForeignKey("incidents.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    *word_column("state", "investigating", "resolved"),
    count_column("attempts", 0),
    at_column("raised_at", default=True),
    at_column("next_attempt_at", default=True),
    at_column("posted_at"),
    text_column("note", nullable=True),
    sa.Index(
        "ix_status_posts_due", "next_attempt_at", postgresql_where=sa.text("posted_at is null")
    ),
)

SHOWN_OPEN = sa.text("(slack_threads.topic #>> '{held,open}') = 'true'")
"""True of threads whose heads show that their incident is open."""

slack_threads = sa.Table(
    "slack_threads",
    metadata,
    sa.Column("topic_id", sa.Uuid, primary_key=True),  # of an incident, or of a run without one
    text_column("channel", nullable=True),
    text_column("ts", nullable=True),
    sa.Column("topic", JSONB),
    at_column("opened_at", default=True),
    sa.CheckConstraint("(channel is null) = (ts is null)", name="place"),
    sa.Index("ix_slack_threads_open", "topic_id", postgresql_where=SHOWN_OPEN),
)

slack_requests = sa.Table(
    "slack_requests",
    metadata,
    sa.Column("approval_id", sa.Uuid, sa.ForeignKey("approvals.id"), primary_key=True),
    text_column("channel"),
    text_column("ts"),
    at_column("closed_at"),
    count_column("shown_yes", 0),
    sa.Index(
        "ix_slack_requests_open", "approval_id", postgresql_where=sa.text("closed_at is null")
    ),
)

# Runs of whose end people have not heard; a row goes as soon as they have, or nobody waits for it.
owed_ends = sa.Table(
    "owed_ends",
    metadata,
    sa.Column("run_id", sa.Uuid, primary_key=True),
    at_column("ended_at", default=True),
)

pauses = sa.Table(
    "pauses",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    at_column("notified_at", nullable=False),
)

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    at_column("last_at", nullable=False),
    at_column("alarmed_at"),
)

# Somebody's word that an incident is theirs: the newest row holds, the older ones say who had it.
acknowledgements = sa.Table(
    "acknowledgements",
    metadata,
    number_column(),
    sa.Column("incident_id", sa.Uuid, sa.ForeignKey("incidents.id"), nullable=False),
    text_column("person"),
    text_column("proof"),
    at_column("at", default=True),
    sa.Index("ix_acknowledgements_incident", "incident_id", "id"),
)

# Who asked whom to take an incident on; the newest row holds.
assignments = sa.Table(
    "assignments",
    metadata,
    number_column(),
    sa.Column("incident_id", sa.Uuid, sa.ForeignKey("incidents.id"), nullable=False),
    text_column("person"),
    text_column("assigned_by"),
    text_column("proof"),
    at_column("at", default=True),
    sa.Index("ix_assignments_incident", "incident_id", "id"),
)

# What people wrote down about an incident.
notes = sa.Table(
    "notes",
    metadata,
    id_column(),
    sa.Column("incident_id", sa.Uuid, sa.ForeignKey("incidents.id"), nullable=False, index=True),
    text_column("person"),
    text_column("proof"),
    text_column("text"),
    at_column("at", default=True),
)

# Matchers of alerts about which people get no notices for a while.
silences = sa.Table(
    "silences",
    metadata,
    id_column(),
    text_column("matchers"),
    at_column("until", nullable=False),
    text_column("reason"),
    text_column("person"),
    at_column("made_at", default=True),
    at_column("ended_at"),
    text_column("ended_by", nullable=True),
    sa.Index("ix_silences_standing", "until", postgresql_where=sa.text("ended_at is null")),
)

# A link lets one person in once. Of links and sessions the ledger has digests alone.
sign_in_links = sa.Table(
    "sign_in_links",
    metadata,
    id_column(),
    text_column("token_sha256"),
    *word_column("role", *Role),
    text_column("person"),
    text_column("made_by"),
    at_column("made_at", default=True),
    at_column("expires_at", nullable=False),
    at_column("used_at"),
    sa.UniqueConstraint("token_sha256"),
)

board_sessions = sa.Table(
    "board_sessions",
    metadata,
    id_column(),
    text_column("token_sha256"),
    *word_column("role", *Role),
    text_column("person"),
    text_column("proof"),
    at_column("signed_in_at", default=True),
    at_column("last_seen_at", default=True),
    at_column("expires_at", nullable=False),
    at_column("revoked_at"),
    text_column("revoked_by", nullable=True),
    sa.UniqueConstraint("token_sha256"),
    sa.Index("ix_board_sessions_signed_in_at", "signed_in_at"),
)

# A token lets a program in, for as long as it is good; the ledger has its digest alone.
api_tokens = sa.Table(
    "api_tokens",
    metadata,
    id_column(),
    text_column("token_sha256"),
    text_column("name"),
    *word_column("role", *Role),
    text_column("made_by"),
    at_column("made_at", default=True),
    at_column("expires_at", nullable=False),
    at_column("last_used_at"),
    at_column("revoked_at"),
    text_column("revoked_by", nullable=True),
    sa.UniqueConstraint("token_sha256"),
)

# What a program asked to be done once, by the key that it gave, and the answer that it got.
api_requests = sa.Table(
    "api_requests",
    metadata,
    sa.Column("token_id", sa.Uuid, sa.ForeignKey("api_tokens.id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    text_column("request_sha256"),
    at_column("began_at", default=True),
    sa.Column("status", sa.Integer),
    sa.Column("answer", JSONB),
    sa.CheckConstraint("(status is null) = (answer is null)", name="answered"),
    sa.Index("ix_api_requests_began_at", "began_at"),
)
