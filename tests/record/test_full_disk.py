"""A disk that takes no more is a witness that cannot be reached: nothing else stops for it."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.config.policy import AuditPolicy, WitnessPlace
from cct_ops.errors import Unavailable
from cct_ops.ledger.gate import switches
from cct_ops.ledger.record import log
from cct_ops.record import keys, witness
from cct_ops.record.checkpoints import Recorder

FULL = 1 << 20


@pytest.fixture
def fills() -> Iterator[Callable[[int], None]]:
    """Let no file grow beyond a size, as a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_holds_up_no_other_witness(
    engine: sa.Engine, tmp_path: Path, fills: Callable[[int], None]
) -> None:
    keys.keep_key(tmp_path)
    full, good = tmp_path / "full.jsonl", tmp_path / "good.jsonl"
    full.write_bytes(b"x" * FULL + b"\n")
    policy = AuditPolicy(witnesses=[WitnessPlace(file=each) for each in (full, good)])
    record = Recorder(engine, tmp_path, policy)
    switches.stop(engine, "a test", "ada")

    fills(FULL + 100)
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"full\.jsonl: File too large"):
            record()
    assert log.newest_checkpoint(engine) in witness.read(good).notes
    assert witness.read(full).notes == []

    fills(2 * FULL)
    record()
    assert witness.read(full).notes == witness.read(good).notes
