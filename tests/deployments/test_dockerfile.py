"""The Dockerfile is sound to hadolint, and what it makes has no root, no shell and no key in it."""

from __future__ import annotations

import re

from tests.conftest import ROOT
from tests.deployments import dockerfile
from tests.deployments.ignore_file import IgnoreFile
from tests.deployments.tools import FOLDER, HADOLINT, needs_tools, output

FILE = FOLDER / "Dockerfile"
IMAGE = [*dockerfile.stages(FILE)][-1]


@needs_tools
def test_hadolint_finds_nothing() -> None:
    assert output(HADOLINT, "--no-color", FILE) == ""


def test_a_container_is_nobody_in_particular_and_takes_signals_itself() -> None:
    """A number, because a cluster cannot know that a name is not root; and no shell in between."""
    last = {step.name: step for step in IMAGE}

    uid, _, gid = last["USER"].text.partition(":")
    assert uid == gid == "10001"
    assert last["ENTRYPOINT"].is_exec
    assert last["CMD"].is_exec
    assert [step.name for step in IMAGE].index("USER") > [step.name for step in IMAGE].index("RUN")


def test_what_is_installed_is_what_the_lock_says() -> None:
    """No index decides what comes in, and no pip is left to bring in more."""
    runs = [
        step.text for step in dockerfile.steps(FILE) if step.name == "RUN" and "pip" in step.text
    ]

    assert any(
        '"--require-hashes", "--requirement", "requirements-redis.lock"' in run for run in runs
    )
    assert all("--no-deps" in run or "uninstall" in run for run in runs)
    assert "uninstall" in runs[-1]


def test_an_image_lacks_nothing_that_the_usual_installation_has() -> None:
    """Each lock is compiled by itself, so one of them can be forgotten."""
    usual, image = (
        set(re.findall(r"^\S+==\S+", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-redis.lock")
    )

    assert usual - image == set()


def test_a_builder_gets_no_key_and_nothing_of_git() -> None:
    ignored = IgnoreFile.read(FOLDER / "Dockerfile.dockerignore")

    for path in (".git", ".cct-ops/keys/prefect", "secrets/postgres", ".venv", "tests", ".env"):
        assert ignored.has(path), path
    assert ignored.has("src/cct_ops/__pycache__")
    for step in dockerfile.steps(FILE):
        if step.name == "COPY" and not step.text.startswith("--from"):
            for name in step.words[:-1]:
                assert not ignored.has(name), name
                assert (ROOT / name).exists()
