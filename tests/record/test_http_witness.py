"""A witness over HTTP cosigns each checkpoint, and finds what is done with database and key."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from cct_ops.config.policy import AuditPolicy, WitnessPlace
from cct_ops.config.sources import SecretReference
from cct_ops.errors import BadConfiguration, ContractBroken, Unavailable
from cct_ops.ledger.gate import switches
from cct_ops.ledger.record import log
from cct_ops.record import audit, cosigning, keys, offline
from cct_ops.record.checkpoints import Recorder
from cct_ops.record.cosignatures import Cosigner
from cct_ops.record.notes import Checkpoint, Signer
from cct_ops.record.offline import Outside
from cct_ops.stack.postgres import free_port
from tests.conftest import ROOT
from tests.record.recorded import Recorded, exported, recorded, strip, tamper
from tests.record.witnessing import Running, running

problems: Callable[..., list[str]] = runpy.run_path(str(ROOT / "docs/audit/verify.py"))["problems"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the log's key is."""
    keys.keep_key(tmp_path / "record")
    return tmp_path / "record"


@pytest.fixture
def witness(tmp_path: Path, folder: Path) -> Iterator[Running]:
    """A witness that knows the log's key."""
    with running(tmp_path / "state", [str(keys.read_key(folder).verifier)]) as found:
        yield found


@pytest.fixture
def ours(engine: sa.Engine, folder: Path, witness: Running) -> Recorded:
    """A history of four checkpoints that it has cosigned."""
    return recorded(engine, folder, witness.policy)


def found(ours: Recorded, witness: Running, tx: sa.Connection | None = None) -> list[str]:
    """Verify the ledger against it alone."""
    public = ours.signer.verifier
    if tx is not None:
        return audit.compare(tx, public, [], [witness.asked]).findings
    return audit.verify(ours.engine, public, [], [witness.asked]).findings


def test_each_checkpoint_is_cosigned(ours: Recorded, witness: Running) -> None:
    cosigner = Cosigner.parse(witness.key)

    notes = log.checkpoints(ours.engine)

    assert [Checkpoint.parse(note).size for note in notes] == [4, 8, 12, 16]
    assert all(cosigner.cosigned_at(note) and ours.signer.verifier.signed(note) for note in notes)
    assert found(ours, witness) == []
    assert witness.seen()[1].endswith(": 16 leaves")


def test_a_cosignature_leaves_with_an_export_and_both_verify_it(
    ours: Recorded, witness: Running, tmp_path: Path
) -> None:
    file, key = tmp_path / "all.jsonl", ours.signer.verifier
    raw = exported(ours, file)
    cosigner, other = Cosigner.parse(witness.key), Cosigner("other.example", b"\x01" * 32)

    whole = offline.verify(file, key, Outside(None, [cosigner]))

    assert (whole.findings, list(whole.cosigned)) == ([], ["witness.example"])
    assert problems(raw, str(key), None, [witness.key]) == []
    (wrong,) = offline.verify(file, key, Outside(None, [cosigner, other])).findings
    assert wrong == "the checkpoint over 16 leaves is not cosigned by other.example"
    (wrong,) = problems(raw, str(key), None, [witness.key, str(other)])
    assert "not cosigned by other.example" in wrong


def test_a_removed_cosignature_is_found_by_both(
    ours: Recorded, witness: Running, tmp_path: Path
) -> None:
    """Also by who has the key, and signs an export without it."""
    with ours.engine.begin() as tx:
        strip(tx, 16)
    raw = exported(ours, tmp_path / "all.jsonl")
    key, cosigner = ours.signer.verifier, Cosigner.parse(witness.key)

    ours_says = offline.verify(tmp_path / "all.jsonl", key, Outside(None, [cosigner])).findings

    assert ours_says == ["the checkpoint over 16 leaves is not cosigned by witness.example"]
    assert len(problems(raw, str(key), None, [witness.key])) == 1


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ((4,), "over 4 leaves: the cosignature of witness.example is missing"),
        ((8,), "over 8 leaves: the cosignature of witness.example is missing"),
        ((16,), "over 16 leaves, and its cosignature is gone"),
        ((8, 12, 16), "over 16 leaves, and its cosignature is gone"),
        ((4, 8, 12, 16), "over 16 leaves, and its cosignature is gone"),
    ],
)
def test_a_removed_cosignature_is_found_in_the_ledger(
    ours: Recorded, witness: Running, sizes: tuple[int, ...], says: str
) -> None:
    with ours.engine.begin() as tx:
        strip(tx, *sizes)

    findings = found(ours, witness)

    assert any(says in each for each in findings), findings
    assert witness.seen()[1].endswith(": 16 leaves")


def test_nothing_is_signed_over_a_log_that_forked(ours: Recorded, witness: Running) -> None:
    with ours.engine.begin() as tx:
        tamper(tx, Random(1), "edit", "key", ours.signer)  # noqa: S311
    switches.stop(ours.engine, "news", "ada")

    with pytest.raises(ContractBroken, match=r"does not go on from the 16 leaves that http"):
        Recorder(ours.engine, ours.folder, witness.policy)()
    assert len(log.checkpoints(ours.engine)) == 4


def test_nothing_is_signed_over_an_older_log(ours: Recorded, witness: Running) -> None:
    with ours.engine.begin() as tx:
        tamper(tx, Random(1), "older dump", "rows", ours.signer)  # noqa: S311
    before = len(log.checkpoints(ours.engine))
    switches.stop(ours.engine, "news", "ada")

    with pytest.raises(ContractBroken, match=r"cosigned 16 leaves, .* the database is an older"):
        Recorder(ours.engine, ours.folder, witness.policy)()
    assert len(log.checkpoints(ours.engine)) == before


def test_what_a_witness_missed_is_cosigned_when_it_is_back(
    ours: Recorded, witness: Running, tmp_path: Path
) -> None:
    """Meanwhile the log goes on, other witnesses see it, and it is said what is wrong."""
    witness.kill()
    beside = WitnessPlace(file=Path("beside.jsonl"))
    policy = AuditPolicy(witnesses=(witness.place, beside))
    for word in ("one", "two"):
        switches.stop(ours.engine, word, "ada")
        with pytest.raises(Unavailable, match="does not answer"):
            Recorder(ours.engine, ours.folder, policy)()
    assert len((ours.folder / "beside.jsonl").read_text().splitlines()) == 2
    assert any("not compared" in each for each in found(ours, witness))

    key = str(ours.signer.verifier)
    with running(tmp_path / "state", [key], port=witness.port) as again:
        Recorder(ours.engine, ours.folder, policy)()
        assert found(ours, again) == []
        assert again.seen()[1].endswith(": 18 leaves")
    cosigner = Cosigner.parse(witness.key)
    assert all(cosigner.cosigned_at(note) for note in log.checkpoints(ours.engine))


def test_an_answer_that_a_kill_kept_from_us_is_had_again(ours: Recorded, witness: Running) -> None:
    with ours.engine.begin() as tx:
        strip(tx, 16)

    Recorder(ours.engine, ours.folder, witness.policy)()

    assert found(ours, witness) == []


def test_a_witness_that_comes_late_is_shown_all_from_the_first_on(
    engine: sa.Engine, folder: Path, witness: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By and by, where there are many, and meanwhile the log goes on."""
    monkeypatch.setattr(cosigning, "MOST_AT_ONCE", 2)
    ours = recorded(engine, folder, AuditPolicy(), rounds=6)
    Recorder(engine, folder, witness.policy)()
    assert witness.seen()[1].endswith(": 8 leaves")
    switches.stop(engine, "news", "ada")
    Recorder(engine, folder, witness.policy)()
    Recorder(engine, folder, witness.policy)()

    notes = log.checkpoints(engine)
    assert [Checkpoint.parse(note).size for note in notes] == [4, 8, 12, 16, 20, 24, 25]
    assert all("witness.example" in note for note in notes)
    assert found(ours, witness) == []


def test_what_another_key_signed_is_not_taken(ours: Recorded, witness: Running) -> None:
    """It is said, and holds up neither the log nor what is signed."""
    other = Cosigner("witness.example", b"\x01" * 32)
    policy = AuditPolicy(witnesses=(WitnessPlace(http=witness.url, key=str(other)),))
    switches.stop(ours.engine, "news", "ada")

    with pytest.raises(BadConfiguration, match="not signed by its key in the policy"):
        Recorder(ours.engine, ours.folder, policy)()
    newest = log.checkpoints(ours.engine)[-1]
    assert (Checkpoint.parse(newest).size, "witness.example" in newest) == (17, False)


def test_a_witness_that_does_not_know_the_log_is_named(
    engine: sa.Engine, tmp_path: Path, folder: Path
) -> None:
    known, other = Signer.new(keys.read_key(folder).name), Signer.new("log.example")
    for signer, says in ((known, "another key of this log"), (other, "does not know this log")):
        with (
            running(tmp_path / signer.name, [str(signer.verifier)]) as witness,
            pytest.raises(BadConfiguration, match=says),
        ):
            recorded(engine, folder, witness.policy, rounds=1)


def test_the_token_is_read_where_policy_says(
    engine: sa.Engine, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("a secret")
    options = ("--token-file", str(tmp_path / "token"))
    key = str(keys.read_key(folder).verifier)
    with running(tmp_path / "state", [key], *options) as witness:
        with pytest.raises(BadConfiguration, match="does not take the token"):
            recorded(engine, folder, witness.policy, rounds=1)
        token = SecretReference(env="WITNESS_TOKEN")
        place = witness.place.model_copy(update={"token": token})
        policy = AuditPolicy(witnesses=(place,))
        with pytest.raises(BadConfiguration, match="its token is empty"):
            Recorder(engine, folder, policy)()
        monkeypatch.setenv("WITNESS_TOKEN", "a secret")
        Recorder(engine, folder, policy)()
        assert witness.seen()[1].endswith(" 4 leaves")
        in_a_file = SecretReference(file=tmp_path / "token")
        place = witness.place.model_copy(update={"token": in_a_file})
        switches.stop(engine, "news", "ada")
        Recorder(engine, folder, AuditPolicy(witnesses=(place,)))()
        assert witness.seen()[1].endswith(" 5 leaves")


def test_what_is_no_witness_is_named(engine: sa.Engine, folder: Path, witness: Running) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    gone = AuditPolicy(witnesses=(WitnessPlace(http=url, key=witness.key),))
    with pytest.raises(Unavailable, match=f"{url} does not answer"):
        recorded(engine, folder, gone, rounds=1)
    damaged = AuditPolicy(witnesses=(WitnessPlace(http=url, key="witness.example+00+BA"),))
    with pytest.raises(BadConfiguration, match=f"{url}: this witness's key is not"):
        Recorder(engine, folder, damaged)()


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"http": "http://witness.example"}, "http and key belong together"),
        ({"key": "k"}, "name either file, git or http"),
        ({"file": "a", "key": "k"}, "http and key belong together"),
        ({"http": "witness.example", "key": "k"}, "no address"),
        ({"file": "a", "token": {"env": "T"}}, "only a witness over http"),
    ],
)
def test_a_witness_in_policy_is_whole(said: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        WitnessPlace.model_validate(said)
