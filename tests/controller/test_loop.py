"""The loop itself: jobs go on whatever they say, and what nobody foresaw is not hidden."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import sqlalchemy as sa

from cct_ops.controller.loop import Controller, Lane, Periodic
from cct_ops.errors import Unavailable
from cct_ops.ledger import set_aside
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.outbox import Claim
from tests.controller.running import dispatch, state
from tests.ledger.alerts import opened
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
    controller = Controller(engine, [], jobs, poll_seconds=0.05)
    thread = threading.Thread(target=controller.run, args=(ignore,))
    thread.start()
    try:
        eventually(lambda: min(done.count("failing"), done.count("working")) >= 3)
    finally:
        controller.stop()
        thread.join(10)


def test_a_row_at_which_something_unforeseen_fails_is_dead_lettered_and_notified(
    engine: sa.Engine,
) -> None:
    """The rows behind it go on, and so does every job."""
    bad = opened(engine)
    done: list[UUID] = []

    def stumble(claim: Claim) -> None:
        if claim.incident_id == bad:
            raise ZeroDivisionError("by nothing")
        done.append(claim.incident_id)
        outbox.mark_notified(engine, claim)

    jobs = [Periodic("failing", 0.01, lambda: 1 / 0)]
    lanes = [Lane(outbox.REMEDIATE, 1, stumble)]
    with at_work(Controller(engine, lanes, jobs, poll_seconds=0.05)):
        eventually(lambda: state(engine, bad) == "dead-lettered")
        good = opened(engine)
        eventually(lambda: done == [good])
        eventually(lambda: [each.item for each in set_aside.listed(engine)] == ["failing"])

    row = dispatch(engine, bad)
    assert row is not None
    assert row.note == "It could not be dealt with: ZeroDivisionError: by nothing."
    assert state(engine, bad, outbox.NOTICE) == "pending"


def test_a_notice_at_which_something_unforeseen_fails_is_reported_without_it(
    engine: sa.Engine,
) -> None:
    outbox_of = opened(engine)
    with engine.begin() as tx:
        outbox.enqueue(tx, [outbox_of], outbox.NOTICE)

    def stumble(_claim: Claim) -> None:
        raise ZeroDivisionError

    lanes = [Lane(outbox.NOTICE, 1, stumble)]
    with at_work(Controller(engine, lanes, poll_seconds=0.05)):
        eventually(lambda: state(engine, outbox_of, outbox.NOTICE) == "dead-lettered")
        eventually(lambda: [each.part for each in set_aside.listed(engine)] == ["notices"])


@contextmanager
def at_work(controller: Controller) -> Iterator[None]:
    """Let it work in a thread."""
    thread = threading.Thread(target=controller.run, args=(ignore,))
    thread.start()
    try:
        yield
    finally:
        controller.stop()
        thread.join(10)


def test_it_goes_on_when_the_ledger_comes_back(engine: sa.Engine) -> None:
    """Its connections were cut: it listens and works again by itself."""
    claims: list[Claim] = []

    def take(claim: Claim) -> None:
        claims.append(claim)
        outbox.mark_notified(engine, claim)

    controller = Controller(engine, [Lane(outbox.REMEDIATE, 2, take)], poll_seconds=0.1)
    thread = threading.Thread(target=controller.run, args=(ignore,))
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
        controller.stop()
        thread.join(10)
    assert not thread.is_alive()


def test_a_lane_that_rests_takes_a_row_when_it_comes_due(engine: sa.Engine) -> None:
    """No news tell of that: it asks when its next row is due before it rests."""
    claims: list[Claim] = []

    def take(claim: Claim) -> None:
        claims.append(claim)
        if len(claims) == 1:
            outbox.postpone(engine, claim, 1, "not yet")
        else:
            outbox.mark_notified(engine, claim)

    with at_work(Controller(engine, [Lane(outbox.REMEDIATE, 1, take)], poll_seconds=60)):
        opened(engine)
        eventually(lambda: len(claims) == 2, seconds=50)

    assert claims[0].id == claims[1].id


def test_the_wait_for_the_next_row_is_the_ledgers(engine: sa.Engine) -> None:
    """A row that somebody holds counts as due when its lease ends."""
    assert outbox.seconds_to_next(engine, outbox.REMEDIATE) is None
    opened(engine)
    due = outbox.seconds_to_next(engine, outbox.REMEDIATE)
    outbox.claim(engine, outbox.REMEDIATE, 3600)
    held = outbox.seconds_to_next(engine, outbox.REMEDIATE)

    assert due is not None
    assert due <= 0
    assert held is not None
    assert 3000 < held <= 3600


def handled(claims: list[Claim], incident: object) -> Callable[[], bool]:
    """Return the question whether this incident's row was claimed."""
    return lambda: any(claim.incident_id == incident for claim in claims)


def test_an_answer_wakes_the_jobs_that_follow_the_news_and_no_other(engine: sa.Engine) -> None:
    woken: list[str] = []
    jobs = [
        Periodic("follows", 600, lambda: woken.append("follows"), on_news=True),
        Periodic("waits", 600, lambda: woken.append("waits")),
    ]
    controller = Controller(engine, [], jobs, poll_seconds=0.2)
    thread = threading.Thread(target=controller.run, args=(lambda: None,))
    thread.start()
    try:
        # Being connected to the ledger is news as well: the second turn is that one's.
        eventually(lambda: woken.count("follows") >= 2)
        before = woken.count("follows")
        with engine.begin() as tx:
            outbox.wake(tx)
        eventually(lambda: woken.count("follows") > before)
    finally:
        controller.stop()
        thread.join(30)

    assert not thread.is_alive()
    assert woken.count("waits") == 1
