"""A git repository is a witness: what left it cannot be taken back by who holds the database."""

from __future__ import annotations

import subprocess
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from cct_ops.config.policy import AuditPolicy, WitnessPlace
from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.ledger.gate import switches
from cct_ops.record import audit, keys
from cct_ops.record.checkpoints import Recorder
from cct_ops.record.witness import places
from tests.record.recorded import tamper

POLICY = AuditPolicy(witnesses=(WitnessPlace(git=Path("clone")),))


def git(*words: str | Path) -> str:
    """Do something with git as a person would."""
    command = ["git", "-c", "user.name=ada", "-c", "user.email=ada@example.org", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose branch has an upstream, beside the log's key."""
    folder = tmp_path / "clone"
    git("init", "--quiet", "--bare", tmp_path / "upstream.git")
    git("clone", "--quiet", tmp_path / "upstream.git", folder)
    git("-C", folder, "commit", "--quiet", "--allow-empty", "--message", "The beginning")
    git("-C", folder, "push", "--quiet", "--set-upstream", "origin", "HEAD")
    keys.keep_key(tmp_path)
    return folder


def checkpoint(engine: sa.Engine, folder: Path) -> None:
    """Let something happen, and a minute pass."""
    switches.stop(engine, "news", "ada")
    Recorder(engine, folder, POLICY)()


def test_each_checkpoint_is_a_commit_that_is_pushed(
    engine: sa.Engine, tmp_path: Path, clone: Path
) -> None:
    for _ in range(3):
        checkpoint(engine, tmp_path)
    Recorder(engine, tmp_path, POLICY)()  # nothing came in

    subjects = git("-C", tmp_path / "upstream.git", "log", "--format=%s", "--all")
    assert subjects.splitlines() == ["A checkpoint"] * 3 + ["The beginning"]
    (place,) = places(POLICY, tmp_path)
    assert len(place.read().hashes) == 3


def test_what_was_pushed_is_believed_and_not_what_lies_in_the_folder(
    engine: sa.Engine, tmp_path: Path, clone: Path
) -> None:
    for _ in range(3):
        checkpoint(engine, tmp_path)
    signer = keys.read_key(tmp_path)
    with engine.begin() as tx:
        tamper(tx, Random(1), "delete", "key", signer)  # noqa: S311
    (clone / "witness.jsonl").unlink()

    found = audit.verify(engine, signer.verifier, places(POLICY, tmp_path))

    assert any("witness.jsonl: leaf 0 is missing" in each for each in found.findings)


def test_an_upstream_that_does_not_answer_gets_it_later(
    engine: sa.Engine, tmp_path: Path, clone: Path
) -> None:
    away = (tmp_path / "upstream.git").rename(tmp_path / "away.git")
    with pytest.raises(Unavailable, match="git push"):
        checkpoint(engine, tmp_path)
    away.rename(tmp_path / "upstream.git")

    Recorder(engine, tmp_path, POLICY)()

    (place,) = places(POLICY, tmp_path)
    assert len(place.read().hashes) == 1


def test_a_folder_that_is_no_repository_is_named(engine: sa.Engine, tmp_path: Path) -> None:
    keys.keep_key(tmp_path)
    with pytest.raises(BadConfiguration, match=r"witness .*clone: git add: .*not a git repo"):
        checkpoint(engine, tmp_path)


@pytest.mark.parametrize("named", [{}, {"file": "a", "git": "b"}])
def test_a_witness_is_of_one_kind(named: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="name either file, git or http"):
        WitnessPlace(**named)
