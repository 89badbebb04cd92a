"""While the installation is drained alerts are stored and no run is begun; the drain is a fact."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from cct_ops.ledger.gate import drains
from cct_ops.ledger.intake import outbox
from tests.ledger.alerts import opened


def test_while_it_is_drained_alerts_are_stored_and_no_run_is_begun(engine: sa.Engine) -> None:
    """What people have to be notified of leaves as ever."""
    assert drains.begin(engine, "the new release", "ada")
    incident = opened(engine)
    with engine.begin() as tx:
        outbox.enqueue(tx, [incident], outbox.NOTICE)

    assert outbox.claim(engine, outbox.REMEDIATE, 30) is None
    assert drains.waiting(engine) == 1
    assert outbox.claim(engine, outbox.NOTICE, 30) is not None

    assert drains.end(engine, "it is there", "ada")
    claimed = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert claimed is not None
    assert claimed.incident_id == incident


def test_the_drain_is_a_row_with_its_reason_and_person(engine: sa.Engine) -> None:
    assert drains.standing(engine) is None
    drains.begin(engine, "the new release", "ada")

    found = drains.standing(engine)
    assert found is not None
    assert (found.reason, found.person) == ("the new release", "ada")

    drains.end(engine, "it is there", "grace")
    assert drains.standing(engine) is None
    last = drains.last(engine)
    assert last is not None
    assert (last.draining, last.person) == (False, "grace")


def test_of_several_who_drain_at_once_one_does(engine: sa.Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda at: drains.begin(engine, "all at once", f"{at}"), range(8)))

    assert sorted(done) == [False] * 7 + [True]
