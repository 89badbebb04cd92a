"""
The sweep of temporary changes: whatever is due and not reverted gets a wake-up again.

A wake-up can be lost: its run stays Pending for ever, crashes, or is deleted. The ledger's row is
the truth, so a change whose last wake-up is over or gone is given another one.
"""

from __future__ import annotations

import logging
from datetime import datetime

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound

from cct_ops import policy, wake_ups
from cct_ops.clients.server import CONFIGURED, Server
from cct_ops.dispatcher import people
from cct_ops.ledger import changes
from cct_ops.models.change import TemporaryChange
from cct_ops.models.topic import OVERDUE, Topic
from cct_ops.reports import manual
from cct_ops.settings import Settings
from cct_ops.voice import Voice

# A wake-up that comes on time is left to do its work.
GRACE_SECONDS = 10.0

_log = logging.getLogger(__name__)


def sweep(
    engine: sa.Engine,
    settings: Settings,
    voice: Voice,
    *,
    grace_seconds: float = GRACE_SECONDS,
    server: Server = CONFIGURED,
) -> int:
    """Wake up for what is due, tell people about what is overdue; returns how many were woken."""
    due = changes.overdue(engine, grace_seconds)
    if not due:
        return 0
    with server.connect() as client:
        lost = [change for change in due if not _on_its_way(client, change, server.now())]
        for change in lost:
            run_id = wake_ups.wake_with(client, engine, change)
            _log.warning("Temporary change %s is due and gets wake-up %s.", change.id, run_id)
    rules = policy.read(settings.policy_path).temporary_changes
    for change in changes.overdue(engine, rules.alarm_after_minutes * 60):
        _alarm(engine, voice, change)
    return len(lost)


def _on_its_way(client: SyncPrefectClient, change: TemporaryChange, now: datetime) -> bool:
    """Say whether the change's last wake-up is at its work, or will be at once."""
    if change.wake_up_id is None:
        return False
    try:
        run = client.read_flow_run(change.wake_up_id)
    except ObjectNotFound:
        return False
    # One that was ended early by a run that died still has its wake-up for the planned time.
    later = run.expected_start_time is not None and run.expected_start_time > now
    return run.state is not None and not run.state.is_final() and not later


def _alarm(engine: sa.Engine, voice: Voice, change: TemporaryChange) -> None:
    """Tell people once per time that is over."""
    text = (
        f":rotating_light: Overdue: {change.call} on {change.target} should have ended at"
        f" {change.until:%H:%M:%S} UTC and is still {change.state} (owner: {change.owner})."
    )
    run = people.changed_by(engine, change.run_id, change.playbook)
    topic = Topic.of(run, change.target, OVERDUE, needs_person=True)
    with changes.alarming(engine, change.id) as first:
        if first:
            people.tell(voice, text, topic, manual.overdue(change))
