"""
The sweep of temporary changes: whatever is due and not reverted gets a scheduled revert again.

A scheduled revert can be lost: its run stays Pending for ever, crashes, or is deleted. The ledger's
row is the truth, so a change whose last scheduled revert is over or gone is given another one.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State

from cct_ops.clients.server import CONFIGURED, FINEST_SECONDS, Server, find_run
from cct_ops.config import policy
from cct_ops.controller import notices
from cct_ops.gate import scheduled_reverts
from cct_ops.ledger.gate import changes, leases
from cct_ops.ledger.set_aside import border
from cct_ops.models.change import TemporaryChange
from cct_ops.models.topic import OVERDUE, Topic
from cct_ops.people.notifier import Notifier
from cct_ops.reports import manual
from cct_ops.settings import Settings

# A scheduled revert that comes on time is left to do its work.
GRACE_SECONDS = 10.0
# One that ended in vain says so to people; the next one has twice as long to wait, but no longer.
LONGEST_PAUSE_SECONDS = 120.0
# A worker that took it has begun it by then, unless it died or lost Prefect's answer. One revert
# too many finds nothing to do.
PENDING_SECONDS = 60.0

_log = logging.getLogger(__name__)


def sweep(
    engine: sa.Engine,
    settings: Settings,
    notifier: Notifier,
    *,
    grace_seconds: float = GRACE_SECONDS,
    server: Server = CONFIGURED,
) -> int:
    """Start reverts of what is due and return how many; notify people of what is overdue."""
    due = changes.overdue(engine, grace_seconds)
    due_ones = border(engine, "temporary changes that are due")
    overdue_ones = border(engine, "temporary changes that are overdue")
    if not due:
        return due_ones.nothing_left() + overdue_ones.nothing_left()
    started = 0
    with server.connect() as client:
        now = server.now(client)

        def start(change_id: UUID) -> None:
            nonlocal started
            change = changes.read(engine, change_id)
            pause = min(
                grace_seconds * 2 ** min(change.scheduled_reverts, 10), LONGEST_PAUSE_SECONDS
            )
            started += _start_revert(client, engine, change, now, pause, server)

        due_ones.each(due, str, start)
    rules = policy.read(settings.policy_path).temporary_changes
    overdue = changes.overdue(engine, rules.alarm_after_minutes * 60)
    alarm = partial(_alarm, engine, notifier)
    overdue_ones.each(overdue, str, alarm)
    return started


def _start_revert(
    client: SyncPrefectClient,
    engine: sa.Engine,
    change: TemporaryChange,
    now: datetime,
    pause_seconds: float,
    server: Server,
) -> bool:
    """See to it that a revert of a due change is under way; true if one had to be started."""
    known = change.scheduled_revert_id
    last = None if known is None else find_run(client, known)
    if last is not None and last.state is not None:
        over_after = _over_after(engine, last, last.state, pause_seconds)
        if over_after is not None:
            if (now - last.state.timestamp).total_seconds() < over_after:
                return False
            last = None
    if last is None or last.state is None:
        run_id = scheduled_reverts.schedule_with(client, engine, change, at_server=server)
        _log.warning("Temporary change %s is due and gets scheduled revert %s.", change.id, run_id)
        return True
    # One that was ended early by a run that died still has its revert scheduled for the planned
    # time, and by a clock that differs from the ledger's the time of any may be still to come.
    later = last.state.state_details.scheduled_time if last.state.is_scheduled() else None
    if later is None or later <= now + timedelta(seconds=FINEST_SECONDS):
        return False
    _log.warning(
        "Temporary change %s is due: its scheduled revert %s begins now.", change.id, last.id
    )
    return scheduled_reverts.hurry(client, engine, last, now)


def _over_after(
    engine: sa.Engine, run: FlowRun, state: State[Any], pause_seconds: float
) -> float | None:
    """
    Return after how many seconds in its state a revert is followed by another one.

    None for one that is at work, or still to come. Of one that died the ledger says so: Prefect may
    have it for at work.
    """
    if state.is_final() or leases.is_reaped(engine, run.id):
        return pause_seconds
    return PENDING_SECONDS if state.is_pending() else None


def _alarm(engine: sa.Engine, notifier: Notifier, change_id: UUID) -> None:
    """Notify people once for each end that has passed."""
    change = changes.read(engine, change_id)
    text = (
        f":rotating_light: Overdue: {change.call} on {change.target} should have ended at"
        f" {change.until:%H:%M:%S} UTC and is still {change.state} (owner: {change.owner})."
    )
    run = notices.changed_by(engine, change.run_id, change.playbook)
    topic = Topic.of(run, change.target, OVERDUE, needs_person=True)
    with changes.alarming(engine, change.id) as first:
        if first:
            notices.send_urgent(notifier, text, topic, manual.overdue(change))
