"""
The rows of which the transparency log speaks, and what it says of each.

Never a secret, and of a delivery's body its digest alone. What stands in ``fixed`` never changes
once it is written; ``changing`` is what becomes of the row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

IN_UTC = """create function in_utc(at timestamptz) returns text stable language sql as $$
    select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$"""
"""How the log writes a moment, whatever the time zone of a session."""


@dataclass(frozen=True)
class Logged:
    """A table whose rows are logged; by ``key`` a row is known for ever."""

    table: str
    fixed: tuple[str, ...]
    changing: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()
    key: str = "id"


def _of(
    table: str, fixed: str, changing: str = "", *, moments: str = "", key: str = "id"
) -> Logged:
    return Logged(table, tuple(fixed.split()), tuple(changing.split()), tuple(moments.split()), key)


LOGGED = (
    _of(
        "deliveries",
        "id source sender_id body_sha256 stored_sha256 admitted_by",
        "status note received_at",
        moments="received_at",
    ),
    _of(
        "expiries",
        "id incident_id source last_seen_at expired_at",
        moments="last_seen_at expired_at",
    ),
    _of("rule_versions", "id file sha256 read_at", moments="read_at"),
    _of("switches", "id stopped reason person at", moments="at"),
    _of("drains", "id draining reason person at", moments="at"),
    _of("backups", "id taken_at person file sha256 bytes leaves at", moments="taken_at at"),
    _of(
        "restores",
        "id backup_taken_at backup_sha256 person held stopped why at",
        moments="backup_taken_at at",
    ),
    _of(
        "holds",
        "id target reason person placed_at until",
        "released_at released_by",
        moments="placed_at until released_at",
    ),
    _of(
        "decisions",
        "id run_id incident_id playbook target mode verdict reason headline severity evidence plan"
        " plan_digest guard decided_at policy_digest policy_commit",
        moments="decided_at",
    ),
    _of(
        "approvals",
        "id run_id incident_id playbook target plan plan_digest state_digest headline severity"
        " evidence why started_by persons form_accepted requested_at",
        "state expires_at decided_at used_at escalated_at approver authenticated note",
        moments="requested_at expires_at decided_at used_at escalated_at",
    ),
    _of(
        "approval_answers",
        "id approval_id approver_id approver way approved note answered_at",
        moments="answered_at",
    ),
    _of(
        "approval_attempts",
        "id approval_id approver_id way verdict reason attempted_at",
        moments="attempted_at",
    ),
    _of(
        "permits",
        "id kind run_id incident_id playbook target plan_digest calls fencing_token issued_at",
        "expires_at closed_at",
        moments="issued_at expires_at closed_at",
    ),
    _of(
        "actions",
        "id permit_id position call intended_at",
        "state confirmed_at",
        moments="intended_at confirmed_at",
    ),
    _of(
        "temporary_changes",
        "id run_id permit_id playbook target call revert before owner reason created_at",
        "state until ended_at note alarmed_at",
        moments="created_at until ended_at alarmed_at",
    ),
    _of("verifications", "id run_id verdict reason samples verified_at", moments="verified_at"),
    _of(
        "resolutions",
        "run_id incident_id playbook target",
        "outcome reason finished_at",
        moments="finished_at",
        key="run_id",
    ),
    _of("journal_entries", "id run_id at phase entry", moments="at"),
    _of(
        "takeovers",
        "id run_id incident_id playbook target choice person proof reason held_until at",
        "stopped_at",
        moments="held_until at stopped_at",
    ),
    _of("acknowledgements", "id incident_id person proof at", moments="at"),
    _of("assignments", "id incident_id person assigned_by proof at", moments="at"),
    _of("notes", "id incident_id person proof text at", moments="at"),
    _of(
        "maintenance_windows",
        "id targets starts_at ends_at reason person made_at",
        "ended_at ended_by",
        moments="starts_at ends_at made_at ended_at",
    ),
    _of(
        "silences",
        "id matchers until reason person made_at",
        "ended_at ended_by",
        moments="until made_at ended_at",
    ),
    _of(
        "extensions",
        "id change_id run_id was_until until reason person at",
        moments="was_until until at",
    ),
    _of("asked_ends", "id change_id run_id person at", moments="at"),
    _of(
        "on_call_covers",
        "id person instead_of begins ends reason entered_by entered_at",
        "withdrawn_at withdrawn_by",
        moments="begins ends entered_at withdrawn_at",
    ),
    _of(
        "board_sessions",
        "id role person proof signed_in_at expires_at",
        "revoked_at revoked_by",
        moments="signed_in_at expires_at revoked_at",
    ),
    _of(
        "api_tokens",
        "id name role made_by made_at expires_at",
        "revoked_at revoked_by",
        moments="made_at expires_at revoked_at",
    ),
)


def statements(logged: Logged) -> Iterator[str]:
    """Yield what makes the database log such rows."""
    table, key = logged.table, logged.key
    yield f"""create function logged(said {table}) returns json stable language sql as $$
    select {_content(logged)}
$$"""
    # What came in is logged by the statement, which costs intake less than row by row.
    yield f"""create function log_new_{table}() returns trigger language plpgsql as $$
begin
    insert into log_queue (kind, operation, row_key, content)
    select '{table}', 'insert', said.{key}, {_content(logged)}
    from news said;
    return null;
end
$$"""  # noqa: S608 -- names of ours
    yield f"""create function log_{table}() returns trigger language plpgsql as $$
declare
    said json;
begin
    if tg_op = 'DELETE' then
        insert into log_queue (kind, operation, row_key, content)
        values ('{table}', 'delete', old.{key}, '{{}}');
        return null;
    end if;
    said := logged(new);
    if said::text <> logged(old)::text then
        insert into log_queue (kind, operation, row_key, content)
        values ('{table}', 'update', new.{key}, said);
    end if;
    return null;
end
$$"""  # noqa: S608 -- names of ours
    yield f"""create trigger log_new_rows after insert on {table}
    referencing new table as news for each statement execute function log_new_{table}()"""
    yield f"""create trigger log_rows after update or delete on {table}
    for each row execute function log_{table}()"""


def found(logged: Logged) -> str:
    """Return the statement that logs the rows which stood there before the log began."""
    table, key = logged.table, logged.key
    return f"""insert into log_queue (kind, operation, row_key, content)
    select '{table}', 'found', {key}, logged({table})
    from {table} order by {key}"""  # noqa: S608 -- names of ours


def rows_of(logged: Logged) -> sa.TextClause:
    """Return the query for each row's key and what the log should say of it, in order of keys."""
    table, key = logged.table, logged.key
    return sa.text(
        f'select cast({key} as text) collate "C" as key, cast(logged({table}) as text) as said'  # noqa: S608 -- names of ours
        f" from {table} order by 1"
    )


def _content(logged: Logged) -> str:
    return f"""json_build_object('row', json_build_object(
{_fields(logged, logged.fixed)}
    ), 'state', json_build_object(
{_fields(logged, logged.changing)}
    ))"""


def _fields(logged: Logged, names: tuple[str, ...]) -> str:
    return ",\n".join(f"        '{name}', {_value(logged, name)}" for name in names)


def _value(logged: Logged, name: str) -> str:
    if name not in logged.moments:
        return f"said.{name}"
    return f"in_utc(said.{name})"
