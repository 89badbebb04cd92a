"""The Prefect runs that wake up whoever takes a temporary change back."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient

from cct_ops.clients import deployments, server
from cct_ops.ledger import changes
from cct_ops.models.change import TemporaryChange

REVERT = "revert-change"


def wake(engine: sa.Engine, change: TemporaryChange) -> UUID:
    """
    Make the run that reverts the change when its time is over, and note which one it is.

    The key holds the time, so that each extension gets a wake-up of its own, and the count of
    wake-ups, so that a lost one can be replaced; asking twice for the same one gives one run.
    """
    with server.CONFIGURED.connect() as client:
        return wake_with(client, engine, change)


def wake_with(client: SyncPrefectClient, engine: sa.Engine, change: TemporaryChange) -> UUID:
    """Do the same over a connection that is there already."""
    run_id = deployments.start_with(
        client,
        REVERT,
        {"change_id": str(change.id)},
        key=f"{change.id}|{change.until.isoformat()}|{change.wake_ups}",
        at=change.until,
        tags=[f"target:{change.target}"],
    )
    changes.woken(engine, change, run_id)
    return run_id


def end(engine: sa.Engine, change: TemporaryChange) -> UUID:
    """Make a run that reverts the change at once."""
    run_id = deployments.start(
        REVERT,
        {"change_id": str(change.id), "now": True},
        key=f"{change.id}|{change.until.isoformat()}|{change.wake_ups}|now",
        tags=[f"target:{change.target}"],
    )
    changes.woken(engine, change, run_id)
    return run_id
