"""
Makes restored databases fit to be worked on: what they take for open has happened since, or not.

Nothing that was under way goes on by itself, because it may have ended long ago: a run that is
begun twice would change something twice, and one that is recovered would take back what was good.
Temporary changes alone stay open: whoever takes one back compares first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import psycopg

from cct_ops.backup.archive import Manifest
from cct_ops.backup.database import Database
from cct_ops.backup.since import Since

WHY = "Restored from a backup: whether it was done since is not known"

_IN_FLIGHT = """
    select target, 'run ' || run_id || ' held its lock' from target_locks
    union select target, 'run ' || run_id || ' was permitted to change it' from permits
        where closed_at is null
    union select target, playbook || ' waited for a yes, or had it' from approvals
        where state = 'pending' or state = 'approved' and used_at is null and settled_at is null
"""
_RUNS = """
    select distinct parameters ->> 'target' from flow_run
    where state_type in ('PENDING', 'RUNNING', 'CANCELLING', 'PAUSED')
        and coalesce(parameters ->> 'target', '') <> ''
"""

# A clock that is behind, as after a failover, and a commit that came late date rows before it.
_MARGIN = timedelta(minutes=10)
_FORMER = (
    """select target, playbook || ' was permitted to change it' from permits
        where issued_at > %(at)s or closed_at > %(at)s or closed_at is null""",
    """select target, playbook || ' made or ended a temporary change' from temporary_changes
        where created_at > %(at)s or ended_at > %(at)s""",
    """select target, person || ' held it: ' || reason from holds
        where placed_at > %(at)s and released_at is null""",
)

_LEDGER = (
    "update permits set closed_at = clock_timestamp() where closed_at is null",
    "delete from target_locks",
    """update run_leases set reaped_at = coalesce(reaped_at, clock_timestamp()),
        expires_at = least(expires_at, clock_timestamp()), settled_at = clock_timestamp()
        where settled_at is null""",
    """update approvals set state = 'void', decided_at = coalesce(decided_at, clock_timestamp()),
        settled_at = clock_timestamp(), note = %(why)s
        where state = 'pending' or state = 'approved' and used_at is null and settled_at is null""",
    """update dispatches set state = 'dead-lettered', finished_at = clock_timestamp(),
        note = %(why)s || ': look, then give it another try'
        where state = 'pending' and purpose = 'remediate'""",
    """update dispatches set state = 'notified', finished_at = clock_timestamp(),
        undelivered = %(why)s where state = 'pending'""",
    """update pages set ended_at = clock_timestamp(), note = %(why)s where ended_at is null""",
    "delete from status_posts where posted_at is null",
    """update board_sessions set revoked_at = clock_timestamp(), revoked_by = 'a restore'
        where revoked_at is null and expires_at > clock_timestamp()""",
    "update sign_in_links set expires_at = clock_timestamp() where used_at is null",
    "delete from heartbeats",
)

# A run that the scheduler made is made anew for its time, if that is still to come.
_PREFECT = (
    "delete from flow_run where auto_scheduled and state_type = 'SCHEDULED'",
    """with ended as (
        insert into flow_run_state (flow_run_id, type, name, message, timestamp)
        select id, 'CANCELLED', 'Cancelled', %(why)s, clock_timestamp() from flow_run
        where state_type in ('SCHEDULED', 'PENDING', 'RUNNING', 'CANCELLING', 'PAUSED')
        returning id, flow_run_id, timestamp)
    update flow_run set state_id = ended.id, state_type = 'CANCELLED', state_name = 'Cancelled',
        state_timestamp = ended.timestamp, next_scheduled_start_time = null,
        end_time = ended.timestamp
    from ended where flow_run.id = ended.flow_run_id""",
    "update concurrency_limit set active_slots = '[]'",
    "update concurrency_limit_v2 set active_slots = 0",
)


def in_flight(since: Since, ledger: Database, prefect: Database) -> None:
    """Note the targets at which something was under way when the backup was taken."""
    with ledger.connected() as connection:
        for target, why in connection.execute(_IN_FLIGHT).fetchall():
            since.under_way.setdefault(target, f"{why} when the backup was taken")
    with prefect.connected() as connection:
        for (target,) in connection.execute(_RUNS).fetchall():
            why = "a run was under way when the backup was taken"
            since.under_way.setdefault(target, why)


def settle(ledger: Database, prefect: Database) -> Mapping[str, int]:
    """End what was under way; returns how much of each there was."""
    counted: dict[str, int] = {}
    for database, statements in ((ledger, _LEDGER), (prefect, _PREFECT)):
        with database.connected(autocommit=False) as connection:
            for statement in statements:
                done = connection.execute(statement.encode(), {"why": WHY})
                words = statement.split()
                table = words[2] if words[0] == "delete" else words[1]
                counted[table] = counted.get(table, 0) + max(0, done.rowcount)
            connection.commit()
    return counted


def newest_leaf(ledger: Database) -> bytes | None:
    """Return the hash of the newest leaf; None where there is none."""
    with ledger.connected() as connection:
        row = connection.execute(
            "select hash from log_leaves order by position desc limit 1"
        ).fetchone()
    return None if row is None else bytes(row[0])


def former(
    since: Since, ledger: Database, loaded: Database, manifest: Manifest, digest: str
) -> None:
    """
    Note what the ledger that is replaced knows and the backup of this digest, loaded, does not.

    Only one that was there all the time knows everything.
    """
    moment, before = manifest.ledger.at - _MARGIN, (dict(since.changed), since.stopped)
    with loaded.connected() as connection:
        restores = connection.execute("select coalesce(max(id), 0) from restores").fetchone()
    with ledger.connected() as connection:
        try:
            for query in _FORMER:
                for target, why in connection.execute(query.encode(), {"at": moment}).fetchall():
                    since.changed.setdefault(target, why)
            since.stopped = _last_switch(connection, moment) or since.stopped
            since.gap = _gap(connection, since, digest, restores)
        except psycopg.Error as error:
            since.certain = False
            since.unread.append(f"the ledger that is replaced ({type(error).__name__})")
            return
    if since.gap:
        since.certain = since.certain and before == (since.changed, since.stopped)
        return
    since.sources.append("the ledger that is replaced")
    since.named_leaves = since.leaves
    since.certain = not since.unread


def _gap(
    connection: psycopg.Connection[Any], since: Since, digest: str, before: tuple[Any, ...] | None
) -> str:
    """
    Say what the ledger has missed of the time since; empty where it was there all the time.

    ``before`` has the number of the last restore that the backup itself knows.
    """
    knows = connection.execute(
        "select exists (select from backups where sha256 = %s)", (digest,)
    ).fetchone()
    if knows != (True,):
        return "The ledger that is replaced does not know this backup."
    restores = connection.execute(
        "select held, stopped from restores where id > %s", before
    ).fetchall()
    for held, _ in restores:
        for target in held:
            since.changed.setdefault(target, "an earlier restore held it")
    if any(stopped for _, stopped in restores):
        return "The ledger that is replaced was put back itself, and did not know what it missed."
    for position, seen in since.seen.items():
        leaf = connection.execute(
            "select hash from log_leaves where position = %s", (position,)
        ).fetchone()
        if leaf is None or bytes(leaf[0]) != seen:
            return "The ledger that is replaced is not the one that the witnesses have seen."
    return ""


def _last_switch(connection: psycopg.Connection[Any], moment: datetime) -> Mapping[str, Any] | None:
    row = connection.execute(
        "select stopped, reason, person from switches where at > %s order by id desc limit 1",
        (moment,),
    ).fetchone()
    return None if row is None else dict(zip(("stopped", "reason", "person"), row, strict=True))
