"""
The state of the ledger as numbers, read anew for whoever watches.

Each is read from a partial index or a small table, so that the ledger's size does not matter. Ages
are by the ledger's clock.
"""

# ruff: noqa: S608 -- the queries are put together from words that stand in this file

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

QUEUED_AT_MOST = 10_000
"""So many entries that wait for the log are counted, and no more: their table has no index."""

_TIMEOUT_MS = 2000


class Gauge(NamedTuple):
    """One number, or one for each value of its label; ``query`` gives label and value."""

    name: str
    meaning: str
    query: str
    label: str | None = None


def _age(moment: str) -> str:
    return f"coalesce(extract(epoch from clock_timestamp() - {moment}), 0)"


def _pending(what: str) -> str:
    return f"""select p.purpose, {what} from (values ('remediate'), ('notice')) as p (purpose)
        left join dispatches d on d.purpose = p.purpose and d.state = 'pending'
        group by p.purpose"""


_OPEN = "temporary_changes where state in ('scheduled', 'active', 'reverting')"
_QUEUED = f"(select at from log_queue limit {QUEUED_AT_MOST}) as queued"
_SIGNED = "(select size, at from log_checkpoints order by size desc limit 1) as newest"

GAUGES = (
    Gauge(
        "cct_ops_dispatches_pending",
        "Runs to start (remediate) and notices to send (notice) that are not settled.",
        _pending("count(d.id)"),
        "purpose",
    ),
    Gauge(
        "cct_ops_dispatches_oldest_pending_seconds",
        "Age of the oldest of them.",
        _pending(_age("min(created_at)")),
        "purpose",
    ),
    Gauge(
        "cct_ops_approvals_waiting",
        "Plans that wait for a person's yes.",
        "select null, count(*) from approvals where state = 'pending'",
    ),
    Gauge(
        "cct_ops_approvals_oldest_waiting_seconds",
        "How long the first of them has waited; 0 where none does.",
        f"select null, {_age('min(requested_at)')} from approvals where state = 'pending'",
    ),
    Gauge(
        "cct_ops_temporary_changes_open",
        "Weakenings that were made, or are about to be, and not taken back.",
        f"select null, count(*) from {_OPEN}",
    ),
    Gauge(
        "cct_ops_temporary_changes_overdue",
        "Those of them whose time is over.",
        f"select null, count(*) from {_OPEN} and until < statement_timestamp()",
    ),
    Gauge(
        "cct_ops_temporary_changes_longest_overdue_seconds",
        "How long the first of the overdue ones should have been taken back; 0 where none is.",
        f"select null, greatest(0, {_age('min(until)')}) from {_OPEN}",
    ),
    Gauge(
        "cct_ops_holds_standing",
        "Targets that a person has taken over.",
        "select null, count(*) from holds where released_at is null and until > clock_timestamp()",
    ),
    Gauge(
        "cct_ops_kill_switch_pulled",
        "1 while the kill switch stops every new change, else 0.",
        """select null, coalesce((select stopped from switches order by id desc limit 1), false)
        ::int""",
    ),
    Gauge(
        "cct_ops_draining",
        "1 while the installation is drained and no new run begins, else 0.",
        """select null, coalesce((select draining from drains order by id desc limit 1), false)
        ::int""",
    ),
    Gauge(
        "cct_ops_backup_age_seconds",
        "Age of what the newest backup holds; none where there was never one.",
        f"select null, {_age('taken_at')} from"
        " (select taken_at from backups order by id desc limit 1) as newest",
    ),
    Gauge(
        "cct_ops_burst_under_way",
        "1 while so many incidents came in that one run diagnoses for many, else 0.",
        "select null, count(*) from bursts where ended_at is null",
    ),
    Gauge(
        "cct_ops_pages_waiting",
        "Pages that have reached nobody yet.",
        "select null, count(*) from pages where ended_at is null",
    ),
    Gauge(
        "cct_ops_pages_oldest_waiting_seconds",
        "Age of the oldest of them; 0 where none waits.",
        f"select null, {_age('min(raised_at)')} from pages where ended_at is null",
    ),
    Gauge(
        "cct_ops_crashed_runs_unsettled",
        "Runs whose process died and whose change is not accounted for.",
        """select null, count(*) from run_leases
        where reaped_at is not null and settled_at is null""",
    ),
    Gauge(
        "cct_ops_items_set_aside",
        "What a loop of ours could not deal with and tries again from time to time.",
        "select null, count(*) from set_aside",
    ),
    Gauge(
        "cct_ops_part_silent_seconds",
        "How long nothing was heard of a part of ours, or of a work pool's workers.",
        f"select part, {_age('last_at')} from heartbeats",
        "part",
    ),
    Gauge(
        "cct_ops_log_queued_entries",
        f"Entries that wait for their place in the log; at most {QUEUED_AT_MOST:,} are counted.",
        f"select null, count(*) from {_QUEUED}",
    ),
    Gauge(
        "cct_ops_log_leaves",
        "Entries that have their place in the transparency log.",
        "select null, coalesce(max(position) + 1, 0) from log_leaves",
    ),
    Gauge(
        "cct_ops_checkpoint_leaves",
        "How many of them the newest checkpoint signs; none where nothing was ever signed.",
        f"select null, size from {_SIGNED}",
    ),
    Gauge(
        "cct_ops_checkpoint_age_seconds",
        "Age of the newest checkpoint; it grows while nothing happens, too.",
        f"select null, {_age('at')} from {_SIGNED}",
    ),
    Gauge(
        "cct_ops_checkpoint_unsigned_seconds",
        "How long the oldest entry that no checkpoint signs has waited; 0 where all are signed.",
        f"""select null, coalesce(
            (select extract(epoch from clock_timestamp() - (leaf::json ->> 'at')::timestamptz)
             from log_leaves where position = size),
            (select {_age("min(queued.at)")} from {_QUEUED}))
        from {_SIGNED}""",
    ),
    Gauge(
        "cct_ops_audit_stream_behind_events",
        "Leaves of the log that a stream of audit events has not delivered.",
        """select name, (select coalesce(max(position) + 1, 0) from log_leaves) - position
        from audit_streams where retired_at is null""",
        "stream",
    ),
    Gauge(
        "cct_ops_audit_stream_behind_seconds",
        "How long the first of them has waited for the stream; 0 where none waits.",
        f"""select name, case when leaf is null then 0 else
            {_age("greatest(added_at, (leaf::json ->> 'at')::timestamptz)")} end
        from audit_streams left join log_leaves using (position) where retired_at is null""",
        "stream",
    ),
)

_QUERY = sa.text(
    "\nunion all ".join(
        f"(select '{gauge.name}' as name, said.* from ({gauge.query}) as said (label, value))"
        for gauge in GAUGES
    )
)
_LIMIT = sa.text(f"set local statement_timeout = {_TIMEOUT_MS}")


def read_gauges(engine: sa.Engine) -> Mapping[str, Sequence[tuple[str | None, float]]]:
    """Read all of them at one moment, by name; raises what SQLAlchemy does, after two seconds."""
    found: dict[str, list[tuple[str | None, float]]] = {gauge.name: [] for gauge in GAUGES}
    with engine.begin() as tx:
        tx.execute(_LIMIT)
        for name, label, value in tx.execute(_QUERY):
            found[name].append((label, float(value)))
    return found
