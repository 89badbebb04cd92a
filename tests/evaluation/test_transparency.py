"""What the log costs is measured on real parts; here with small numbers, and no judgement."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.record import log
from evaluation import transparency


def test_intake_is_measured_with_and_without_the_log(engine: sa.Engine) -> None:
    cost = transparency.intake(engine, turns=2, batches=2, batch=3)

    assert min(cost) > 0
    assert log.waiting(engine) == 2 * 2 * 3


def test_every_proof_that_is_timed_is_right(engine: sa.Engine) -> None:
    transparency.fill(engine, 300)

    taken = transparency.proofs(engine, 300)

    assert {name: len(each) for name, each in taken.items()} == {
        "proof of inclusion": 200,
        "proof of consistency": 200,
    }
