"""
Who is on call: covers that people enter, what calendars said last, and why somebody was paged.

Written in PostgreSQL's own words and no longer touched: a change is a migration of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_SCHEMA = """
create table on_call_covers (
    id uuid not null default gen_random_uuid() constraint pk_on_call_covers primary key,
    person text not null,
    instead_of text not null,
    begins timestamptz not null,
    ends timestamptz not null,
    reason text not null,
    entered_by text not null,
    entered_at timestamptz not null default clock_timestamp(),
    withdrawn_at timestamptz,
    withdrawn_by text,
    constraint ck_on_call_covers_time check (begins < ends)
);
create index ix_on_call_covers_ends on on_call_covers (ends);

create table on_call_calendars (
    layer text not null constraint pk_on_call_calendars primary key,
    place text not null,
    planned jsonb not null,
    passed_over jsonb not null,
    known_until timestamptz,
    read_at timestamptz,
    problem text
);

alter table page_attempts add column why text;
alter table page_attempts alter column reached drop not null;
"""

_TRIGGERS = """
create function logged(said on_call_covers) returns json stable language sql as $$
    select json_build_object('row', json_build_object(
        'id', said.id,
        'person', said.person,
        'instead_of', said.instead_of,
        'begins', in_utc(said.begins),
        'ends', in_utc(said.ends),
        'reason', said.reason,
        'entered_by', said.entered_by,
        'entered_at', in_utc(said.entered_at)
    ), 'state', json_build_object(
        'withdrawn_at', in_utc(said.withdrawn_at),
        'withdrawn_by', said.withdrawn_by
    ))
$$;

create function log_new_on_call_covers() returns trigger language plpgsql as $$
begin
    insert into log_queue (kind, operation, row_key, content)
    select 'on_call_covers', 'insert', said.id, json_build_object('row', json_build_object(
        'id', said.id,
        'person', said.person,
        'instead_of', said.instead_of,
        'begins', in_utc(said.begins),
        'ends', in_utc(said.ends),
        'reason', said.reason,
        'entered_by', said.entered_by,
        'entered_at', in_utc(said.entered_at)
    ), 'state', json_build_object(
        'withdrawn_at', in_utc(said.withdrawn_at),
        'withdrawn_by', said.withdrawn_by
    ))
    from news said;
    return null;
end
$$;

create function log_on_call_covers() returns trigger language plpgsql as $$
declare
    said json;
begin
    if tg_op = 'DELETE' then
        insert into log_queue (kind, operation, row_key, content)
        values ('on_call_covers', 'delete', old.id, '{}');
        return null;
    end if;
    said := logged(new);
    if said::text <> logged(old)::text then
        insert into log_queue (kind, operation, row_key, content)
        values ('on_call_covers', 'update', new.id, said);
    end if;
    return null;
end
$$;

create trigger log_new_rows after insert on on_call_covers
    referencing new table as news for each statement execute function log_new_on_call_covers();

create trigger log_rows after update or delete on on_call_covers
    for each row execute function log_on_call_covers();
"""


def upgrade() -> None:
    """Make the tables, and log what is entered."""
    for statements in (_SCHEMA, _TRIGGERS):
        op.execute(statements)


def downgrade() -> None:
    """Drop them; an attempt whose end is not known then counts as one in vain."""
    op.execute("""
        drop table on_call_covers, on_call_calendars cascade;
        drop function log_new_on_call_covers, log_on_call_covers;
        update page_attempts set reached = false, note = 'not known' where reached is null;
        alter table page_attempts alter column reached set not null;
        alter table page_attempts drop column why;
    """)
