"""How far each stream of audit events is, and what its receiver would not take."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
        create table audit_streams (
            name text constraint pk_audit_streams primary key,
            position bigint not null,
            added_at timestamptz not null default clock_timestamp(),
            sent_at timestamptz,
            failures integer not null default '0',
            next_attempt_at timestamptz not null default clock_timestamp(),
            last_error text,
            failed_at timestamptz,
            notified_at timestamptz,
            retired_at timestamptz
        );
        create table audit_refusals (
            stream text not null,
            position bigint not null,
            reason text not null,
            refused_at timestamptz not null default clock_timestamp(),
            notified_at timestamptz,
            constraint pk_audit_refusals primary key (stream, position)
        );
    """)


def downgrade() -> None:
    """Forget where the streams were."""
    op.execute("drop table audit_streams, audit_refusals")
