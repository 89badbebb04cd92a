"""Temporary changes that last no longer than their run, which has to keep them alive."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from cct_ops.ledger import changes, journal
from cct_ops.models.permit import Permit
from cct_ops.models.plan import Plan
from tasks.connections import ledger, settings
from tasks.restore import put_all_back

_log = logging.getLogger(__name__)


@contextmanager
def kept(permit: Permit) -> Iterator[None]:
    """
    Keep the temporary changes of the permit's run alive, by a thread of its own.

    When the process dies their time is over soon, and the dispatcher's sweep takes them back.
    """
    engine, seconds, over = ledger(), settings().fault_lease_seconds, threading.Event()
    journal.keep(engine, permit.run_id, seconds)

    def keep() -> None:
        while not over.wait(seconds / 4):
            try:
                journal.keep(engine, permit.run_id, seconds)
            except sa.exc.SQLAlchemyError as error:
                _log.warning("The faults are not kept alive: %s", type(error).__name__)

    thread = threading.Thread(target=keep, name=f"faults of {permit.run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def take_back(permit: Permit, plan: Plan) -> None:
    """Take back, in reverse, what the run has changed for its own time only."""
    put_all_back(plan, plan.undo_calls, permit.fencing_token)
    for call in plan.undo_calls:
        changes.undone(ledger(), permit.run_id, call)
