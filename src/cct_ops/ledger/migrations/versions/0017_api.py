"""
The board's API: tokens of programs, each with a role, and the requests that they will not repeat.

Written in PostgreSQL's own words and no longer touched: a change is a migration of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_SCHEMA = """
create table api_tokens (
    id uuid not null default gen_random_uuid() constraint pk_api_tokens primary key,
    token_sha256 text not null,
    name text not null,
    role text not null constraint ck_api_tokens_role
        check (role in ('viewer', 'responder', 'approver', 'admin')),
    made_by text not null,
    made_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    last_used_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    constraint uq_api_tokens_token_sha256 unique (token_sha256)
);

create table api_requests (
    token_id uuid not null
        constraint fk_api_requests_token_id_api_tokens references api_tokens (id),
    key text not null,
    request_sha256 text not null,
    began_at timestamptz not null default clock_timestamp(),
    status integer,
    answer jsonb,
    constraint pk_api_requests primary key (token_id, key),
    constraint ck_api_requests_answered check ((status is null) = (answer is null))
);
create index ix_api_requests_began_at on api_requests (began_at);
"""

_TRIGGERS = """
create function logged(said api_tokens) returns json stable language sql as $$
    select json_build_object('row', json_build_object(
        'id', said.id,
        'name', said.name,
        'role', said.role,
        'made_by', said.made_by,
        'made_at', in_utc(said.made_at),
        'expires_at', in_utc(said.expires_at)
    ), 'state', json_build_object(
        'revoked_at', in_utc(said.revoked_at),
        'revoked_by', said.revoked_by
    ))
$$;

create function log_new_api_tokens() returns trigger language plpgsql as $$
begin
    insert into log_queue (kind, operation, row_key, content)
    select 'api_tokens', 'insert', said.id, json_build_object('row', json_build_object(
        'id', said.id,
        'name', said.name,
        'role', said.role,
        'made_by', said.made_by,
        'made_at', in_utc(said.made_at),
        'expires_at', in_utc(said.expires_at)
    ), 'state', json_build_object(
        'revoked_at', in_utc(said.revoked_at),
        'revoked_by', said.revoked_by
    ))
    from news said;
    return null;
end
$$;

create function log_api_tokens() returns trigger language plpgsql as $$
declare
    said json;
begin
    if tg_op = 'DELETE' then
        insert into log_queue (kind, operation, row_key, content)
        values ('api_tokens', 'delete', old.id, '{}');
        return null;
    end if;
    said := logged(new);
    if said::text <> logged(old)::text then
        insert into log_queue (kind, operation, row_key, content)
        values ('api_tokens', 'update', new.id, said);
    end if;
    return null;
end
$$;

create trigger log_new_rows after insert on api_tokens
    referencing new table as news for each statement execute function log_new_api_tokens();

create trigger log_rows after update or delete on api_tokens
    for each row execute function log_api_tokens();
"""


def upgrade() -> None:
    """Make the tables, and log what becomes of tokens."""
    for statements in (_SCHEMA, _TRIGGERS):
        op.execute(statements)


def downgrade() -> None:
    """Drop them."""
    op.execute("""
        drop table api_requests, api_tokens cascade;
        drop function log_new_api_tokens, log_api_tokens;
    """)
