"""
The number of alerts, changes and runs that a fault could have hurt, from the ledger's rows alone.

What was made is counted before and after, not looked up by its time: under some faults the ledger's
clock is wrong.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from evaluation.cluster.names import CLAIMS, Claim

# For each claim: how many there have been of what it is about, and how many of them are over;
# what has no end of its own is over at once.
_ROWS: dict[Claim, tuple[str, str]] = {
    "no alert lost": ("select count(*) from alerts", ""),
    # Runs that were made for an incident, and requests that changed something.
    "none doubled": (
        "select count(*) from (select id from asked_for union all select permit_id from actions) a",
        "select count(*) from (select id from made union all select permit_id from actions) a",
    ),
    "no change without permit": ("select count(*) from actions", ""),
    # Two runs of one target that lived at the same time.
    "no two changes at once on a target": (
        (
            "select count(*) from lived one join lived other on one.target = other.target"
            " and one.run_id < other.run_id"
            " and one.began_at < other.finished_at and other.began_at < one.finished_at"
        ),
        "",
    ),
    "every temporary change taken back in time": (
        "select count(*) from temporary_changes where state <> 'not made'",
        "select count(*) from temporary_changes where ended_at is not null and state <> 'not made'",
    ),
    # Runs that have made a change, and have not said yet how they ended.
    "no good fix undone": (
        "select count(distinct run_id) from confirmed",
        "select count(distinct run_id) from confirmed join resolutions using (run_id)",
    ),
    "every run ends": (
        "select count(*) from run_leases",
        "select count(*) from run_leases join resolutions using (run_id)",
    ),
    "every person asked is told how it ended": (
        "select count(distinct run_id) from approvals",
        "select count(distinct run_id) from approvals join resolutions using (run_id)",
    ),
}
_WITH = """
    with confirmed as (
        select permits.run_id from actions join permits on permits.id = actions.permit_id
        where actions.state = 'confirmed' and permits.kind = 'change'
    ), asked_for as (
        select id, state from dispatches where playbook is not null
    ), made as (
        select id from asked_for where state <> 'pending'
    ), lived as (
        select resolutions.run_id, target, began_at, finished_at
        from resolutions join run_leases on run_leases.run_id = resolutions.run_id
        where began_at is not null
    )
"""


class Counters(NamedTuple):
    """How many there have been of what each claim is about, and how many of those are over."""

    made: dict[Claim, int]
    over: dict[Claim, int]

    def until(self, later: Counters) -> dict[Claim, int]:
        """Return how many there were at some moment between this one and a later one."""
        return {claim: max(0, later.made[claim] - self.over[claim]) for claim in CLAIMS}


def counters(engine: sa.Engine) -> Counters:
    """Count now."""
    with engine.connect() as connection:
        made = {claim: _counted(connection, rows) for claim, (rows, _) in _ROWS.items()}
        over = {
            claim: _counted(connection, rows) if rows else made[claim]
            for claim, (_, rows) in _ROWS.items()
        }
    return Counters(made, over)


def _counted(connection: sa.Connection, rows: str) -> int:
    return int(connection.execute(sa.text(_WITH + rows)).scalar_one())
