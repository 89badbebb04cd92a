"""What people promised to do after an incident."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.execute("""
        create table follow_ups (
            id uuid constraint pk_follow_ups primary key default gen_random_uuid(),
            topic_id uuid not null,
            text text not null,
            owner text not null,
            due date not null,
            state text not null default 'open'
                constraint ck_follow_ups_state check (state in ('open', 'done', 'dropped')),
            reason text,
            proposal text,
            made_by text not null,
            made_at timestamptz not null default clock_timestamp(),
            assigned_by text,
            assigned_at timestamptz,
            ended_by text,
            ended_at timestamptz,
            notified_on date,
            issue_number bigint,
            issue_url text,
            issue_state text constraint ck_follow_ups_issue_state
                check (issue_state in ('open', 'changed', 'closed', 'gone')),
            issue_asked_at timestamptz,
            constraint uq_follow_ups_topic_id_proposal unique (topic_id, proposal),
            constraint ck_follow_ups_ended check ((state = 'open') = (ended_at is null)),
            constraint ck_follow_ups_reason check ((state = 'dropped') = (reason is not null))
        );
        create index ix_follow_ups_open on follow_ups (due) where state = 'open';
    """)


def downgrade() -> None:
    """Drop it."""
    op.execute("drop table follow_ups")
