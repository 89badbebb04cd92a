"""By which version of rules and policy something was decided, and who started a run when."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty in older rows."""
    op.execute("""
        alter table decisions add column policy_digest text, add column policy_commit text;
        alter table dispatches add column routes_digest text, add column routes_commit text;
        alter table run_leases
            add column began_at timestamptz,
            add column started_as text,
            add column started_by text;
        create index ix_resolutions_of_no_incident on resolutions (finished_at)
            where incident_id is null;
    """)


def downgrade() -> None:
    """Drop them."""
    op.execute("""
        drop index ix_resolutions_of_no_incident;
        alter table run_leases
            drop column began_at, drop column started_as, drop column started_by;
        alter table dispatches drop column routes_digest, drop column routes_commit;
        alter table decisions drop column policy_digest, drop column policy_commit;
    """)
