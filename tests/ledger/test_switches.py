"""The kill switch between two who turn it at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from cct_ops.ledger.gate import switches
from cct_ops.ledger.gate.tables import switches as turns
from tests.stack.polling import eventually

_WAITED_FOR = sa.text(
    "select exists (select from pg_locks where not granted and relation = 'switches'::regclass"
    " and database = (select oid from pg_database where datname = current_database()))"
)


def is_waited_for(engine: sa.Engine) -> bool:
    """Return True if somebody waits to have the switches to himself."""
    with engine.connect() as connection:
        return bool(connection.scalar(_WAITED_FOR))


def test_a_stop_that_nobody_saw_is_not_ended_with_the_one_before(engine: sa.Engine) -> None:
    """Also where it is on its way, and not committed, while the other is being ended."""
    switches.stop(engine, "a bad release", "ada")
    seen = switches.last(engine)
    assert seen is not None

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as tx:
            tx.execute(sa.insert(turns).values(stopped=True, reason="another one", person="grace"))
            ending = pool.submit(switches.resume, engine, "it is over", "ada", seen=seen)
            eventually(lambda: is_waited_for(engine))
        assert ending.result() is False

    newest = switches.last(engine)
    assert newest is not None
    assert (newest.stopped, newest.reason) == (True, "another one")
    assert switches.resume(engine, "it is over", "ada", seen=newest)
    assert not switches.resume(engine, "it is over", "grace", seen=newest)
