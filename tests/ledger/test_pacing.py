"""Who waits for a place in the budget of requests is not cut off for idling in a transaction."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.clients.pacing import Answer
from cct_ops.ledger.engine import connect
from cct_ops.ledger.gate.pacing import LedgerPacer

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
