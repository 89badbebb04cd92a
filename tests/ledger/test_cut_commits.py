"""
A ledger that dies while a run commits: whether that counts nobody heard, and the run goes on.

A primary that fails over ends so, most of all where a commit waits for its standby.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.errors import NotPermitted
from cct_ops.ledger.engine import patient
from cct_ops.ledger.gate import attempts, locks, permits
from cct_ops.ledger.gate.pacing import LedgerPacer
from cct_ops.ledger.gate.tables import actions
from cct_ops.models.plan import PermitKind
from tests.ledger.test_permits import RESET, ROUTE, a_run, plan


class Dies(StrEnum):
    """When the ledger goes away."""

    BEFORE = "before the commit"
    AFTER = "after the commit, before its answer"


@contextmanager
def dying(engine: sa.Engine, dies: Dies) -> Iterator[list[str]]:
    """Let the server end the connection of the next commit; yields what was done."""
    done = list[str]()

    def cut(connection: sa.Connection) -> None:
        if done:
            return
        done.append(dies)
        driver = connection.connection.driver_connection
        assert driver is not None
        process = driver.info.backend_pid
        if dies is Dies.AFTER:
            driver.commit()
            driver.execute("select 1")  # so that there is something left to commit
        with engine.connect() as other:
            other.execute(sa.select(sa.func.pg_terminate_backend(process, 10_000)))

    sa.event.listen(engine, "commit", cut)
    try:
        with patient(60):
            yield done
    finally:
        sa.event.remove(engine, "commit", cut)


@pytest.mark.parametrize("dies", list(Dies))
def test_a_write_leaves_once_and_is_in_the_journal_once(engine: sa.Engine, dies: Dies) -> None:
    run, wanted = a_run(), plan()
    token = locks.acquire(engine, ROUTE.value, run.id, 60)
    assert token is not None
    with engine.begin() as tx:
        permit = permits.issue(
            tx, PermitKind.CHANGE, wanted, wanted.calls, run=run, fencing_token=token, seconds=60
        )
    checker, sent = permits.Checker(engine, run.id), 0

    with dying(engine, dies) as done, checker.check(permit, RESET):
        sent += 1

    assert (done, sent) == ([dies], 1)
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(actions)) == 1
    with pytest.raises(NotPermitted, match="carried it out already"), checker.check(permit, RESET):
        sent += 1
    assert sent == 1


def _sends(engine: sa.Engine) -> None:
    with LedgerPacer(engine, "http://cct", limit=10, kept_for_writes=1).write_slot():
        pass


def _begins(engine: sa.Engine) -> None:
    with attempts.attempt(engine, uuid4(), 60) as refusal:
        assert refusal is None


@pytest.mark.parametrize("dies", list(Dies))
@pytest.mark.parametrize("work", [_sends, _begins])
def test_a_run_goes_on(engine: sa.Engine, dies: Dies, work: Callable[[sa.Engine], None]) -> None:
    """It takes its place among the requests, and itself, also from a ledger that dies in that."""
    with dying(engine, dies) as done:
        work(engine)

    assert done == [dies]
