"""A file that decides is named by its digest and by the commit that was checked out round it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from cct_ops.config import policy
from cct_ops.config.versions import version_of

TEXT = b"playbooks: {}\r\n"


def git(folder: Path, *words: str) -> str:
    """Let git itself say it."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    ran = subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return ran.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one file below a folder."""
    place = tmp_path / "ours"
    (place / "deployments").mkdir(parents=True)
    (place / "deployments" / "policy.yaml").write_bytes(TEXT)
    git(place, "init", "-q", "-b", "main")
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "One")
    return place


def test_a_policy_knows_its_version(repository: Path) -> None:
    """Of the bytes themselves, so that anybody can compare them with what the commit holds."""
    found = policy.read(repository / "deployments" / "policy.yaml").version

    assert found is not None
    assert found.digest == hashlib.sha256(TEXT).hexdigest()
    assert found.commit == git(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize("way", ["packed", "detached", "worktree", "packed worktree"])
def test_the_commit_is_the_one_that_git_names(repository: Path, way: str) -> None:
    """In whatever way git keeps it."""
    place = repository
    if "worktree" in way:
        place = repository.parent / "beside"
        git(repository, "worktree", "add", "-q", "-b", "beside", str(place))
        git(place, "commit", "-q", "--allow-empty", "-m", "Two")
    if way == "detached":
        git(repository, "checkout", "-q", "--detach")
    if "packed" in way:
        git(repository, "pack-refs", "--all")

    found = version_of(place / "deployments" / "policy.yaml", TEXT)

    assert found.commit == git(place, "rev-parse", "HEAD")


def test_what_git_does_not_know_has_no_commit(repository: Path, tmp_path: Path) -> None:
    """Outside of every repository, before its first commit, and where its files cannot be read."""
    (repository / ".git" / "HEAD").write_bytes(b"\xff\xfe")
    new = tmp_path / "new"
    new.mkdir()
    git(new, "init", "-q")

    for place in (repository, new, tmp_path):
        assert version_of(place / "policy.yaml", TEXT).commit is None
