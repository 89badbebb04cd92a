"""The loop itself: jobs go on whatever they say, and what nobody foresaw is not hidden."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from cct_ops.dispatcher.loop import Dispatcher, Lane, Periodic
from cct_ops.errors import Unavailable
from cct_ops.ledger import outbox
from cct_ops.ledger.outbox import Claim
from tests.dispatcher.running import opened
from tests.stack.polling import eventually


def ignore() -> None:
    """Need no word of readiness."""


def test_a_job_that_fails_is_done_again(engine: sa.Engine) -> None:
    """A sweeper that met a dead Prefect once must not be gone for ever."""
    done: list[str] = []

    def fail() -> None:
        done.append("failing")
        raise Unavailable("not now")

    jobs = [
        Periodic("failing", 0.01, fail),
        Periodic("working", 0.01, lambda: done.append("working")),
    ]
    dispatcher = Dispatcher(engine, [], jobs, poll_seconds=0.05)
    thread = threading.Thread(target=dispatcher.run, args=(ignore,))
    thread.start()
    try:
        eventually(lambda: min(done.count("failing"), done.count("working")) >= 3)
    finally:
        dispatcher.stop()
        thread.join(10)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_unforeseen_error_ends_the_process(engine: sa.Engine) -> None:
    """Half a dispatcher that looks alive is worse than one that is started anew."""
    opened(engine)

    def stumble(_claim: Claim) -> None:
        raise ZeroDivisionError

    dispatcher = Dispatcher(engine, [Lane(outbox.REMEDIATE, 1, stumble)], poll_seconds=0.05)

    with pytest.raises(SystemExit, match="a thread died: remediate"):
        dispatcher.run(ignore)


def test_it_goes_on_when_the_ledger_comes_back(engine: sa.Engine) -> None:
    """Its connections were cut: it listens and works again by itself."""
    claims: list[Claim] = []

    def take(claim: Claim) -> None:
        claims.append(claim)
        outbox.notified(engine, claim)

    dispatcher = Dispatcher(engine, [Lane(outbox.REMEDIATE, 2, take)], poll_seconds=0.1)
    thread = threading.Thread(target=dispatcher.run, args=(ignore,))
    thread.start()
    try:
        eventually(handled(claims, opened(engine)))
        with engine.begin() as connection:
            connection.execute(
                sa.text(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
            )
        eventually(handled(claims, opened(engine)))
    finally:
        dispatcher.stop()
        thread.join(10)
    assert not thread.is_alive()


def handled(claims: list[Claim], incident: object) -> Callable[[], bool]:
    """Return the question whether this incident's row was claimed."""
    return lambda: any(claim.incident_id == incident for claim in claims)
