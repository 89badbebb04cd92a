"""The Prefect runs that take a temporary change back when its time is over."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Scheduled

from cct_ops import interrupts
from cct_ops.actions import registry
from cct_ops.clients import deployments, server
from cct_ops.clients.server import FINEST_SECONDS, Server
from cct_ops.errors import NotPermitted, Unavailable
from cct_ops.ledger import clock, run_notifications
from cct_ops.ledger.engine import patience_seconds
from cct_ops.ledger.gate import change_ends, changes
from cct_ops.models.change import TemporaryChange
from cct_ops.models.run import REVERT, TAKES_BACK

_AGAIN_SECONDS = 1.0
_ANSWER_SECONDS = 10.0  # of one that hangs; its client would wait for minutes


def name_of(change: TemporaryChange, *, early: bool = False) -> str:
    """Say what the run takes back, and when that is due."""
    try:
        what = registry.of(change.call).in_words
    except NotPermitted:
        what = str(change.call)  # an earlier version's
    day = "" if change.until.date() == change.created_at.date() else f"{change.until:%d %b} "
    when = "now" if early else f"due {day}{change.until:%H:%M} UTC"
    return f"{TAKES_BACK}{what}, {when}"


def schedule(engine: sa.Engine, change: TemporaryChange) -> UUID:
    """
    Make the run that reverts the change when its time is over, and note which one it is.

    The key holds the time, so that each extension gets a scheduled revert of its own, and the
    count of them, so that a lost one can be replaced; asking twice for the same one gives one run.
    Hence a Prefect that is away is asked again, for as long as this block waits for the ledger.
    Raises ``Unavailable`` when it is away for longer.
    """
    until = time.monotonic() + patience_seconds()
    with server.in_a_hurry(_ANSWER_SECONDS):
        while True:
            try:
                with server.CONFIGURED.connect() as client:
                    return schedule_with(client, engine, change)
            except Unavailable:
                if time.monotonic() + _AGAIN_SECONDS > until:
                    raise
            interrupts.sleep(_AGAIN_SECONDS)


def schedule_with(
    client: SyncPrefectClient,
    engine: sa.Engine,
    change: TemporaryChange,
    *,
    at_server: Server = server.CONFIGURED,
) -> UUID:
    """
    Do the same over a connection that is there already.

    The change's time is by the ledger's clock and the run's by Prefect's, so where these are two it
    is carried over from the one to the other. For a change that is over the run begins at once.
    """
    here = clock.read(engine)
    with deployments.answered():
        there = at_server.now(client)
    at = change.until
    if at <= here:
        at = _past(there)
    elif abs(there - here) > timedelta(seconds=FINEST_SECONDS):
        at += there - here + timedelta(seconds=FINEST_SECONDS)  # known to the second only
    run_id = deployments.start(
        REVERT,
        {"change_id": str(change.id)},
        key=f"{change.id}|{change.until.isoformat()}|{change.scheduled_reverts}",
        at=at,
        tags=[f"target:{change.target}"],
        name=name_of(change),
        client=client,
    )
    changes.record_scheduled_revert(engine, change, run_id)
    return run_id


def hurry(client: SyncPrefectClient, engine: sa.Engine, run: FlowRun, now: datetime) -> bool:
    """Let a scheduled revert that waits for a later moment begin at once; true if it does."""
    at_once: State[Any] = Scheduled(scheduled_time=_past(now))
    answer = client.set_flow_run_state(run.id, at_once)
    if answer.status is not SetStateStatus.ACCEPT:
        return False
    run_notifications.notify_workers(engine, run.id)
    return True


def _past(now: datetime) -> datetime:
    """Return a moment that is over by Prefect's clock and by ours: a worker goes by its own."""
    return min(now, datetime.now(UTC)) - timedelta(seconds=FINEST_SECONDS)


def end(engine: sa.Engine, change: TemporaryChange, *, by: str) -> UUID:
    """Make a run that reverts the change at once, because this person wants it."""
    run_id = deployments.start(
        REVERT,
        {"change_id": str(change.id), "now": True},
        key=f"{change.id}|{change.until.isoformat()}|{change.scheduled_reverts}|now",
        tags=[f"target:{change.target}", f"started-by:{by}"],
        name=name_of(change, early=True),
    )
    changes.record_scheduled_revert(engine, change, run_id)
    change_ends.record_asked(engine, change.id, run_id, by)
    return run_id
