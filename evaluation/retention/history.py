"""
A long history, made of one run that took place: its rows in Prefect, so many times over.

What a run leaves behind is therefore as many rows, and as large ones, as it is. Each copy has ids
of its own, which grow with time as Prefect's do, and is a little younger than the one before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql

AT_ONCE = 10_000

_TASKS = "(select id from task_run where flow_run_id = %(run)s)"
_EVENTS = (
    "(select event_id from event_resources where resource_id = 'prefect.flow-run.' || %(run)s)"
)


class Copied(NamedTuple):
    """The rows of a run in one table of Prefect's; ``ids`` are the columns that are its own."""

    where: str
    ids: tuple[str, ...]
    naming: tuple[str, ...] = ()  # columns in whose text the run's id stands


RUN = {
    "flow_run": Copied("id = %(run)s", ("id", "state_id")),
    "flow_run_state": Copied("flow_run_id = %(run)s", ("id", "flow_run_id")),
    "task_run": Copied("flow_run_id = %(run)s", ("id", "flow_run_id", "state_id")),
    "task_run_state": Copied(f"task_run_id in {_TASKS}", ("id", "task_run_id")),
    "log": Copied("flow_run_id = %(run)s", ("id", "flow_run_id", "task_run_id")),
    "artifact": Copied("flow_run_id = %(run)s", ("id", "flow_run_id", "task_run_id")),
}
EVENTS = {
    "events": Copied(
        f"id in {_EVENTS}", ("id",), ("resource_id", "resource", "related", "related_resource_ids")
    ),
    "event_resources": Copied(f"event_id in {_EVENTS}", ("id", "event_id"), ("resource_id",)),
}
# An alert of its own each: as long as Alertmanager's are, and as hard to compress as can be.
DELIVERIES = """
create temporary table old on commit drop as
select number, gen_random_uuid() as delivery, gen_random_uuid() as incident,
    clock_timestamp() - interval '91 days' - (%(all)s::int - number) * interval '7 seconds' as at
from generate_series(%(first)s::int, %(last)s::int) as number;
insert into deliveries (id, source, body_sha256, body, status, received_at, last_received_at)
select delivery, 'alertmanager', md5('old' || number),
    convert_to((select string_agg(md5(number || 'x' || part), '') from generate_series(1, 47) part),
        'UTF8'),
    'accepted', at, at
from old;
insert into incidents (id, source, key, episode, state, closed_as, labels, annotations, starts_at,
    opened_at, last_seen_at, closed_at)
select incident, 'alertmanager', 'old' || number, 1, 'closed', 'resolved',
    '{"alertname": "CanaryRolledBack", "route": "/daily-summary"}', '{}', at, at, at, at from old;
insert into alerts (delivery_id, incident_id, status, labels, annotations, starts_at, verdict,
    received_at)
select delivery, incident, 'firing', '{"alertname": "CanaryRolledBack", "route": "/daily-summary"}',
    '{}', at, 'opened', at from old;
insert into dispatches (incident_id, purpose, state, rule, playbook, flow_run_id, finished_at,
    created_at)
select incident, 'remediate', 'sent', 'canary', 'auto-rollback', gen_random_uuid(), at, at from old
"""

Said = Callable[[str], None]


def rows_of(prefect: psycopg.Connection[Any], run: UUID) -> dict[str, int]:
    """Return how many rows a run has in each table."""
    found = {}
    for table, copied in (RUN | EVENTS).items():
        query = f"select count(*) from {table} where {copied.where}"  # noqa: S608 -- our own text
        (found[table],) = prefect.execute(query.encode(), {"run": str(run)}).fetchone() or (0,)
    return found


def copy_run(
    prefect: psycopg.Connection[Any],
    run: UUID,
    copies: int,
    *,
    with_events: int = 0,
    days_ago: float = 91,
    say: Said = lambda _: None,
) -> None:
    """
    Let a run have taken place so many times more, the last of them so many days ago.

    The youngest have their events as well: those of the others were deleted after a week.
    """
    for first, last in _pieces(copies):
        with prefect.transaction():
            # A run names its state and the state its run: neither can be there first.
            prefect.execute("set local session_replication_role = replica")
            for table, copied in (RUN | EVENTS).items():
                begin = max(first, copies - with_events + 1) if table in EVENTS else first
                query = _copy(prefect, table, copied, copies, days_ago)
                prefect.execute(query, {"run": str(run), "first": begin, "last": last})
        say(f"{last} of {copies} runs are there")
    prefect.execute("analyze")


def fill_ledger(ledger: psycopg.Connection[Any], number: int, say: Said = lambda _: None) -> None:
    """Let so many alerts have come more than 90 days ago, each for an incident of its own."""
    for first, last in _pieces(number):
        with ledger.transaction():
            # The log of what came is not what is looked at here.
            ledger.execute("set local session_replication_role = replica")
            for statement in DELIVERIES.split(";\n"):
                asked = {"all": number, "first": first, "last": last}
                ledger.execute(statement.encode(), asked)
        say(f"{last} of {number} deliveries are there")
    ledger.execute("analyze")


def _pieces(number: int) -> Iterator[tuple[int, int]]:
    for first in range(1, number + 1, AT_ONCE):
        yield first, min(number, first + AT_ONCE - 1)


def _copy(
    prefect: psycopg.Connection[Any], table: str, copied: Copied, copies: int, days_ago: float
) -> sql.Composed:
    """Return the statement that copies a run's rows in one table, once for each number."""
    columns = _columns(prefect, table)
    values = [_value(name, kind, copied, copies, days_ago) for name, kind in columns.items()]
    return sql.SQL(
        "insert into {table} ({names}) select {values} from"
        " (select * from {table} where {where}) one,"
        " generate_series(%(first)s::int, %(last)s::int) as number"
    ).format(
        table=sql.Identifier(table),
        names=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(values),
        where=sql.SQL(copied.where),
    )


def _value(name: str, kind: str, copied: Copied, copies: int, days_ago: float) -> sql.Composable:
    column = sql.Identifier("one", name)
    if name in copied.ids:
        return _id(column)
    if name == "idempotency_key":
        return sql.SQL("{} || ' ' || number").format(column)
    if name in copied.naming:
        text = "replace({column}::text, %(run)s, {new}::text)::{kind}"
        new = _id(sql.SQL("%(run)s"))
        return sql.SQL(text).format(column=column, new=new, kind=sql.SQL(kind))
    if kind == "timestamp with time zone":
        return sql.SQL("{} - {} * interval '1 day' - ({} - number) * interval '7 seconds'").format(
            column, days_ago, copies
        )
    return column


def _id(old: sql.Composable) -> sql.Composed:
    """Return the id that stands for an old one in a copy."""
    new = "(lpad(to_hex(number), 8, '0') || substr(md5({}::text || number), 9))::uuid"
    return sql.SQL(new).format(old)


def _columns(prefect: psycopg.Connection[Any], table: str) -> dict[str, str]:
    """Return the columns of a table that are written, with their types."""
    query = (
        "select column_name, case data_type when 'USER-DEFINED' then udt_name else data_type end"
        " from information_schema.columns where table_name = %s and table_schema = 'public'"
        " and is_generated = 'NEVER'"
    )
    return dict(prefect.execute(query, (table,)).fetchall())
