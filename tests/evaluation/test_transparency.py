"""What the log costs is measured on real parts; here with small numbers, and no judgement."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.engine import connect
from cct_ops.ledger.record import log
from cct_ops.record import audit
from cct_ops.record.keys import keep_key, read_key
from cct_ops.record.sequencer import sequence
from cct_ops.record.witness import Place
from evaluation import large_log, transparency


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


def test_what_a_run_writes_is_measured_with_and_without_the_log(engine: sa.Engine) -> None:
    """On the whole way of a repair: each part of it is logged, in turns."""
    transparency.ways(engine, turns=1, runs=2)

    assert sequence(engine) > 0
    with engine.connect() as connection:
        kinds = [leaf.kind for leaf in log.leaves(connection)]
    logged = {"deliveries", "decisions", "approvals", "permits", "actions", "resolutions"}
    assert logged <= set(kinds)
    assert kinds.count("deliveries") == 2


def test_a_large_log_is_filled_and_whole(ledger_url: SecretStr, tmp_path: Path) -> None:
    keep_key(tmp_path)

    made = large_log.fill(ledger_url, tmp_path, 30)
    engine = connect(ledger_url)
    verifier = read_key(tmp_path).verifier
    found = audit.verify(engine, verifier, [Place(tmp_path / "witness.jsonl")])
    assert (found.findings, found.rows, found.leaves) == ([], made, made)
    assert made >= 30
    engine.dispose()
