"""Whatever is done to the record behind our back is found, and named."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from cct_ops.config.policy import AuditPolicy, WitnessPlace
from cct_ops.errors import BadConfiguration, ContractBroken
from cct_ops.ledger.gate import switches
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.record import log
from cct_ops.record import audit, keys, witness
from cct_ops.record.audit import Audit
from cct_ops.record.checkpoints import Recorder
from cct_ops.record.notes import Verifier
from cct_ops.record.witness import Place
from tests.record.recorded import Recorded, bypass, recorded, tamper

# TAMPERINGS=all is the long form.
ROUNDS = 10_000 if os.environ.get("TAMPERINGS") == "all" else 60
WAYS = ("edit", "delete", "insert", "swap", "truncate", "older dump")
HANDS = ("rows", "log", "key")


@pytest.fixture
def ours(engine: sa.Engine, tmp_path: Path) -> Recorded:
    """A ledger with a history that is witnessed."""
    return recorded(engine, tmp_path / "record")


def found(ours: Recorded, tx: sa.Connection | None = None) -> Audit:
    """Verify it, with its witness."""
    public = Verifier.parse(str(ours.signer.verifier))
    if tx is not None:
        return audit.compare(tx, public, [Place(ours.witness)])
    return audit.verify(ours.engine, public, [Place(ours.witness)])


def test_an_untouched_record_is_whole(ours: Recorded) -> None:
    """And what has no leaf yet is no fault of it."""
    switches.stop(ours.engine, "news", "ada")

    whole = found(ours)

    assert whole.findings == []
    assert (whole.rows, whole.leaves, whole.checkpoints, whole.waiting) == (17, 16, 4, 1)


def test_every_tampering_is_found_and_named(ours: Recorded) -> None:
    """By whoever holds the rows, the log as well, or also the key: but not the witness."""
    for number in range(ROUNDS):
        dice = Random(number)  # noqa: S311 -- the same list each time
        how, hands = WAYS[number % len(WAYS)], dice.choice(HANDS)
        with ours.engine.connect() as tx:
            names = tamper(tx, dice, how, hands, ours.signer)
            findings = "\n".join(found(ours, tx).findings)
            tx.rollback()
        named = re.compile("|".join(rf"{re.escape(name)}\b" for name in names))
        assert named.search(findings), f"{number}: {how} by hands on {hands}:\n{findings}"
    assert found(ours).findings == []


def test_what_is_written_over_with_the_triggers_on_is_found(ours: Recorded) -> None:
    """The log says so itself."""
    with ours.engine.begin() as tx:
        tx.execute(sa.text("update decisions set reason = 'another' where id = 1"))
        tx.execute(sa.text("delete from switches where id = 1"))
    ours.checkpoint()

    findings = "\n".join(found(ours).findings)

    assert re.search(r"update of decisions 1 at \S+: it was written over: leaf 2 says", findings)
    assert re.search(r"delete of switches 1 at \S+: the row was deleted", findings)


def test_a_body_that_is_not_the_one_that_came_is_found(ours: Recorded) -> None:
    with ours.engine.begin() as tx:
        tx.execute(sa.text("update deliveries set body = 'another'"))

    assert len([each for each in found(ours).findings if "its body is not" in each]) == 4


def test_a_body_without_its_secrets_or_kept_no_longer_is_not_another(ours: Recorded) -> None:
    secret = deliveries.Incoming("json", b"a secret", [], stored=b"[redacted]")
    deliveries.record_all(ours.engine, [secret])
    with ours.engine.begin() as tx:
        tx.execute(sa.text("update deliveries set body = null where source = 'alertmanager'"))
    ours.checkpoint()

    assert found(ours).findings == []
    with ours.engine.begin() as tx:
        tx.execute(sa.text("update deliveries set body = 'another' where source = 'json'"))
    assert "its body is not" in "\n".join(found(ours).findings)


def test_nothing_is_signed_over_a_log_that_was_changed(ours: Recorded) -> None:
    """Nor does the witness take another one for the same."""
    before = ours.witness.read_bytes()
    with ours.engine.begin() as tx:
        tamper(tx, Random(1), "delete", "key", ours.signer)  # noqa: S311
    switches.stop(ours.engine, "news", "ada")

    with pytest.raises(ContractBroken, match="does not go on from the 16 leaves"):
        ours.checkpoint()
    assert ours.witness.read_bytes() == before


def test_each_witness_that_policy_names_sees_every_checkpoint(
    engine: sa.Engine, tmp_path: Path
) -> None:
    """A relative one is beside the key, any other where it says; without one nothing is shown."""
    folder, elsewhere = tmp_path / "record", tmp_path / "share" / "seen.jsonl"
    keys.keep_key(folder)
    named = [WitnessPlace(file=Path("own.jsonl")), WitnessPlace(file=elsewhere)]
    for witnesses in ([], named[:1], named):
        switches.stop(engine, "news", "ada")
        Recorder(engine, folder, AuditPolicy(witnesses=tuple(witnesses)))()

    assert len(log.checkpoints(engine)) == 3
    assert len(witness.read(folder / "own.jsonl").notes) == 2
    assert len(witness.read(elsewhere).hashes) == 3


def test_a_checkpoint_is_made_only_where_something_came_in(ours: Recorded) -> None:
    before = ours.witness.read_bytes()

    ours.checkpoint()

    assert ours.witness.read_bytes() == before
    assert len(log.checkpoints(ours.engine)) == 4


def test_a_witness_that_was_away_catches_up(ours: Recorded) -> None:
    """And a line that a kill cut off harms nothing."""
    with ours.witness.open("ab") as file:
        file.write(b'{"at": "2026-01-01T00:00:00+00:00", "checkpo')
    switches.stop(ours.engine, "news", "ada")

    ours.checkpoint()

    seen = witness.read(ours.witness)
    assert (len(seen.hashes), len(seen.notes)) == (17, 5)
    assert found(ours).findings == []


def test_a_witness_that_contradicts_itself_is_named(ours: Recorded) -> None:
    lines = ours.witness.read_text().splitlines()
    said = json.loads(lines[1])
    lines[1] = json.dumps({**said, "leaves": said["leaves"][::-1].lstrip("=") + "="})
    ours.witness.write_text("\n".join(lines) + "\n")

    (finding,) = found(ours).findings
    assert re.search(r"line 2: its checkpoint is not over its leaves", finding)


def test_a_key_that_others_can_read_signs_nothing(ours: Recorded) -> None:
    path = ours.folder / keys.KEY
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)

    with pytest.raises(BadConfiguration, match="chmod 600"):
        ours.checkpoint()


def test_a_key_that_was_handed_over_may_be_read_by_a_group(
    ours: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes and systemd mount it as root's, with a group or a list that has us alone in it."""
    path = ours.folder / keys.KEY
    path.chmod(0o440)
    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
    assert keys.read_key(ours.folder).name.startswith("cct-ops.log/")
    path.chmod(0o444)

    with pytest.raises(BadConfiguration, match="chmod 600"):
        keys.read_key(ours.folder)


def test_a_log_of_another_key_is_no_log_of_ours(ours: Recorded, tmp_path: Path) -> None:
    keys.keep_key(tmp_path / "other")
    other = keys.read_key(tmp_path / "other").verifier

    findings = audit.verify(ours.engine, other, []).findings

    assert [each for each in findings if "is not signed by the key" in each] == findings
    assert len(findings) == 4


def test_a_missing_witness_is_named(ours: Recorded) -> None:
    ours.witness.unlink()

    with pytest.raises(BadConfiguration, match=r"witness cannot be read: .*witness.jsonl"):
        found(ours)


@pytest.fixture
def emptied(ours: Recorded) -> Iterator[sa.Connection]:
    """A transaction in which all rows of the log are gone."""
    with ours.engine.connect() as tx:
        bypass(tx)
        tx.execute(sa.text("truncate log_leaves, log_nodes, log_checkpoints"))
        yield tx


def test_a_log_that_was_emptied_is_found(ours: Recorded, emptied: sa.Connection) -> None:
    findings = "\n".join(found(ours, emptied).findings)

    assert "checkpoint over 16 leaves, and the log has 0" in findings
    assert "switches 1: it stands there, and no leaf says so" in findings
