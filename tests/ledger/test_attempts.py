"""Attempts at runs, and their pacing."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.clients.pacing import Answer
from cct_ops.ledger.engine import connect
from cct_ops.ledger.gate import attempts, leases
from cct_ops.ledger.gate.pacing import LedgerPacer
from cct_ops.ledger.gate.tables import run_leases
from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome, Run
from tests.ledger.test_leases import PLAN, expiry, permitted
from tests.stack.polling import eventually


def test_a_second_process_waits_until_the_first_has_let_go(engine: sa.Engine) -> None:
    """A suspended run goes on in another process, at once."""
    run_id = uuid4()
    with (
        attempts.attempt(engine, run_id, 60) as first,
        attempts.attempt(engine, run_id, 60) as second,
    ):
        pass
    with attempts.attempt(engine, run_id, 60) as third:
        pass

    assert first is None
    assert second is not None
    assert "Another process" in second.reason
    assert third is None


def test_the_run_of_a_process_that_died_is_free_when_its_lease_is_over(engine: sa.Engine) -> None:
    run_id = uuid4()
    with engine.begin() as tx:
        tx.execute(
            sa.insert(run_leases).values(
                run_id=run_id, holder=uuid4(), expires_at=sa.text("clock_timestamp()")
            )
        )

    with attempts.attempt(engine, run_id, 60) as refusal:
        assert refusal is None


@pytest.mark.parametrize(
    "end", ["has ended already: Blocked", "taken for dead", "begun its change"]
)
def test_a_refusal_leaves_the_ledger_as_it_is(engine: sa.Engine, end: str) -> None:
    run = Run(id=uuid4(), name="a run", playbook=PLAN.playbook)
    if "ended" in end:
        account.record_outcome(engine, run, PLAN.target, Outcome.BLOCKED, "So it was.")
    elif "dead" in end:
        assert leases.reap(engine, run.id)
    else:
        permitted(engine, run.id)
    before = expiry(engine, run.id)

    with attempts.attempt(engine, run.id, 60) as refusal:
        assert refusal is not None
        assert end in refusal.reason

    assert expiry(engine, run.id) == before


@pytest.mark.parametrize("ended", [True, False])
def test_what_a_dead_run_left_open_is_found_whether_it_gave_an_account_or_not(
    engine: sa.Engine, ended: bool
) -> None:
    """A permit, or a lock; a run that only waits left neither."""
    run, waiting = Run(id=uuid4(), name="a run", playbook=PLAN.playbook), uuid4()
    for each in (run.id, waiting):
        leases.touch(engine, each, 0)
    permitted(engine, run.id)
    if ended:
        account.record_outcome(engine, run, PLAN.target, Outcome.NOTHING_TO_DO, "So it was.")

    eventually(lambda: leases.unfinished(engine) == [run.id])
    assert leases.reap(engine, run.id)
    assert leases.unfinished(engine) == []


# More than a busy machine takes from one statement of a transaction to the next.
IDLE_MS = 1000


@pytest.fixture
def pacer(ledger_url: SecretStr) -> Iterator[LedgerPacer]:
    """A pacer whose connections the ledger cuts as soon as they idle in a transaction."""
    url = sa.make_url(ledger_url.get_secret_value())
    limit = {"options": f"-c idle_in_transaction_session_timeout={IDLE_MS}"}
    strict = url.update_query_dict(limit).render_as_string(hide_password=False)
    engine = connect(SecretStr(strict))
    yield LedgerPacer(engine, "http://cct", limit=10, kept_for_writes=1)
    engine.dispose()


def test_a_read_outlives_a_pause_that_is_longer_than_a_transaction_may_idle(
    pacer: LedgerPacer,
) -> None:
    pacer.back_off(2 * IDLE_MS / 1000)

    assert pacer.read("canary", lambda: Answer(200, {}, b"{}")).status == 200


def test_a_slow_answer_outlives_it_as_well(pacer: LedgerPacer, engine: sa.Engine) -> None:
    def send() -> Answer:
        """Answer only after a transaction that idles would have been cut."""
        with engine.connect() as connection:
            connection.execute(sa.select(sa.func.pg_sleep(2 * IDLE_MS / 1000)))
        return Answer(200, {}, b"{}")

    assert pacer.read("canary", send).status == 200


def test_a_run_is_not_taken_for_dead_at_the_moment_at_which_its_next_process_may_begin(
    engine: sa.Engine,
) -> None:
    """One that was given its yes waits for the end of the lease of the one that had asked."""
    run_id = uuid4()
    over = {"expires_at": sa.text("clock_timestamp()"), "holder": uuid4()}
    with engine.begin() as tx:
        tx.execute(sa.insert(run_leases).values(over | {"run_id": run_id}))

    assert not leases.reap(engine, run_id)
    with attempts.attempt(engine, run_id, 60) as refusal:
        assert refusal is None

    over["expires_at"] = sa.text("clock_timestamp() - interval '1 minute'")
    with engine.begin() as tx:
        tx.execute(sa.update(run_leases).values(over))
    assert leases.reap(engine, run_id)


def test_looks_after_a_change_have_room_that_other_reads_leave(engine: sa.Engine) -> None:
    """So many diagnoses at once do not starve a read-back past its own window."""

    def paced(*, confirming: bool) -> LedgerPacer:
        return LedgerPacer(engine, "http://cct", limit=10, kept_for_writes=4, confirming=confirming)

    for number in range(6):
        paced(confirming=False).read(str(number), lambda: Answer(200, {}, b"{}"))

    assert isinstance(paced(confirming=False)._try(write=False), float)
    for number in range(2):
        paced(confirming=True).read(f"look {number}", lambda: Answer(200, {}, b"{}"))
    assert isinstance(paced(confirming=True)._try(write=False), float)
    with paced(confirming=False).write_slot(), paced(confirming=False).write_slot():
        pass  # what changes something still has its own
