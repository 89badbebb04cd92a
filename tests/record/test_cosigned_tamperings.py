"""Whoever holds database and signing key, but not the witness over HTTP, is found and located."""

from __future__ import annotations

import os
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from cct_ops.ledger.record import log
from cct_ops.record import audit, export, keys, offline
from cct_ops.record.cosignatures import Cosigner
from cct_ops.record.offline import Outside
from tests.conftest import ROOT
from tests.record.recorded import Recorded, recorded, strip, tamper
from tests.record.witnessing import Running, running

# TAMPERINGS=all is the long form.
ROUNDS = 10_000 if os.environ.get("TAMPERINGS") == "all" else 60
WAYS = ("edit", "delete", "insert", "swap", "truncate", "older dump", "cosignature")
SIZES = (4, 8, 12, 16)

problems: Callable[..., list[str]] = runpy.run_path(str(ROOT / "docs/audit/verify.py"))["problems"]


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Running]:
    """A witness that knows the log's key."""
    keys.keep_key(tmp_path / "record")
    key = str(keys.read_key(tmp_path / "record").verifier)
    with running(tmp_path / "state", [key]) as found:
        yield found


@pytest.fixture
def ours(engine: sa.Engine, tmp_path: Path, witness: Running) -> Recorded:
    """A history of four checkpoints that it has cosigned, and nothing else has seen."""
    return recorded(engine, tmp_path / "record", witness.policy)


def tampered(tx: sa.Connection, dice: Random, how: str, ours: Recorded) -> set[str]:
    """Do one thing with database and key; returns what of which one must be said."""
    kept = [size for size in SIZES if dice.random() < 0.5]
    if how == "cosignature":
        gone = dice.choice(SIZES)
        strip(tx, gone)
        return {f"over {gone} leaves"}
    if how == "older dump":  # with all that was true then, or signed anew
        tamper(tx, dice, how, dice.choice(("rows", "log", "key")), ours.signer)
        if dice.random() < 0.5:
            strip(tx, *kept)
        return {"has cosigned"}
    names = tamper(tx, dice, how, "key", ours.signer)
    at = min(int(name.split()[1]) for name in names if name.startswith("leaf "))
    if log.size(tx) == 0:
        return {"no checkpoint is there"}
    # without a copy of the leaves it can only be said between which checkpoints it lies
    return {f"over {size} leaves" for size in SIZES if size > at} | {"has cosigned 16 leaves"}


def test_every_tampering_is_found_and_located(
    ours: Recorded, witness: Running, tmp_path: Path
) -> None:
    """In the ledger by asking the witness; in an export by its key, which both verifiers take."""
    public, file = ours.signer.verifier, tmp_path / "export.jsonl"
    for number in range(ROUNDS):
        dice = Random(number)  # noqa: S311 -- the same list each time
        how = WAYS[number % len(WAYS)]
        with ours.engine.connect() as tx:
            names = tampered(tx, dice, how, ours)
            findings = "\n".join(audit.compare(tx, public, [], [witness.asked]).findings)
            note = log.newest_checkpoint(tx)  # there is none where all was cut off
            if note is not None:
                about = {"from": 0, "made": log.moment(tx)}
                export.write(tx, file, ours.signer, note, range(log.size(tx)), about)
            tx.rollback()
        named = re.compile("|".join(rf"{re.escape(name)}\b" for name in names))
        assert named.search(findings), f"{number}: {how}: {findings}"
        if note is not None:
            found_in_an_export(file, note, ours, witness)
    assert audit.verify(ours.engine, public, [], [witness.asked]).findings == []


def found_in_an_export(file: Path, note: str, ours: Recorded, witness: Running) -> None:
    """What bears a cosignature is what the witness saw, if not the last of it; else it is found."""
    public, cosigner = ours.signer.verifier, Cosigner.parse(witness.key)
    found = offline.verify(file, public, Outside(None, [cosigner])).findings
    by_strangers = problems(file.read_bytes(), str(public), None, [witness.key])

    assert bool(found) == bool(by_strangers), found
    assert found or cosigner.cosigned_at(note) is not None
