"""The recipe of README.md: a new playbook is whole at once, and little is left to a person."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cct_ops.errors import BadConfiguration
from cct_ops.scaffold.names import Endpoint, Names
from cct_ops.scaffold.playbook import MARK, make
from tests.conftest import ROOT

MOST_BY_HAND = 6
NEW = {
    "cache-warming": (),
    "cold-cache": (
        *("--probe=page-cache/status", "--action=page-cache/warm"),
        "--when=a cached page is cold",
    ),
}
BIN = Path(sys.executable).parent
OF_PYTEST = {"PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the tree, in a repository of its own."""
    copy = tmp_path / "project"
    listed = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard")
    for name in filter(lambda each: (ROOT / each).is_file(), listed.splitlines()):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    git(copy, "init", "--quiet")
    git(copy, "add", "--all")
    return copy


def git(folder: Path, *words: str) -> str:
    """Run a command of git."""
    return subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def changed(project: Path) -> list[str]:
    """Name the files that are not as they were copied."""
    new = git(project, "ls-files", "--others", "--exclude-standard")
    return [*git(project, "diff", "--name-only").splitlines(), *new.splitlines()]


def passes(project: Path, *words: str | Path) -> str:
    """Run a program of this environment on the code of the copy; returns what it printed."""
    env = {name: value for name, value in os.environ.items() if name not in OF_PYTEST}
    done = subprocess.run(
        [BIN / words[0], *words[1:]],
        cwd=project,
        env=env | {"PYTHONPATH": str(project / "src")},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{words}: {done.stdout[-8000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.timeout(900)
def test_what_is_made_passes_at_once_and_little_is_left(project: Path) -> None:
    """
    Format, lint, types, house rules, its own tests, and its rows of the matrix and the kills.

    One playbook alone and one with a probe and an action are made, and then looked at together.
    """
    for name, options in NEW.items():
        made = json.loads(passes(project, "cct-ops", "new", "playbook", name, "--json", *options))
        to_fill = [name for name in changed(project) if MARK in (project / name).read_text()]
        sys.stdout.write(f"{len(to_fill)} files are left to a person: {', '.join(to_fill)}\n")

        assert len(to_fill) <= MOST_BY_HAND
        assert {each["path"] for each in made["to_fill"]} == set(to_fill)
        assert {*made["written"], *made["changed"]} == set(changed(project))
        git(project, "add", "--all")

    if (ROOT / ".mypy_cache").is_dir():
        shutil.copytree(ROOT / ".mypy_cache", project / ".mypy_cache")
    passes(project, "ruff", "format", "--check", ".")
    passes(project, "ruff", "check", ".")
    passes(project, "mdformat", "--check", "README.md", "docs/runbooks")
    passes(project, "mypy")
    ran = passes(
        project,
        *("pytest", "-n", "0", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"),
        *("tests/test_conventions.py", "tests/diagnoses", "tests/flows", "tests/controller"),
        *("tests/actions", "tests/clients/test_by_hand.py"),
        *("-k", "conventions or test_acts or cache or drill_asks"),
    )
    assert " skipped" not in ran


@pytest.mark.parametrize(
    ("name", "probe", "action", "words"),
    [
        ("Cache", None, None, "no name for a playbook"),
        ("cache_warming", None, None, "no name for a playbook"),
        ("-cache", None, None, "no name for a playbook"),
        ("c" * 33, None, None, "no name for a playbook"),
        ("../cache", None, None, "no name for a playbook"),
        ("prefect", None, None, "has a module prefect already"),
        ("json", None, None, "has a module json already"),
        ("import", None, None, "has a module import already"),
        ("cache-warming", "status", None, "no endpoint"),
        ("cache-warming", "cache/../status", None, "no endpoint"),
        ("cache-warming", None, "cache/warm", "needs a probe"),
        ("cache-warming", "cache/status", "pages/warm", "two families"),
        ("cache-warming", "cache/status", "cache/status", "both"),
        ("auto-rollback", None, None, "auto-rollback already"),
        ("cache-warming", "canary/heat", None, "canary.py is there already"),
    ],
)
def test_what_cannot_be_made_is_refused_in_a_sentence(
    name: str, probe: str | None, action: str | None, words: str
) -> None:
    with pytest.raises(BadConfiguration, match=words):
        make(
            ROOT,
            Names(
                name=name,
                probe=Endpoint(probe) if probe else None,
                action=Endpoint(action) if action else None,
                when="it is cold",
            ),
        )
    assert not (ROOT / "flows" / f"{name}.py").exists() or name == "auto-rollback"


@pytest.mark.parametrize("when", ["", "it is: cold", 'a "cold" one', "two\nlines", "x" * 61])
def test_words_that_would_break_a_file_are_refused(when: str) -> None:
    with pytest.raises(BadConfiguration, match=r"[Ww]hen it is needed"):
        Names("cache-warming", None, None, when)


@pytest.mark.parametrize("endpoints", [False, True], ids=["alone", "with endpoints"])
def test_the_longest_names_fit_into_the_lines(project: Path, endpoints: bool) -> None:
    long = "-".join(["longest"] * 4)
    family = f"{long[:23]}s"
    probe, action = Endpoint(f"{family}/status"), Endpoint(f"{family}/promote")

    make(
        project,
        Names(long, probe if endpoints else None, action if endpoints else None, "it " * 19),
    )

    passes(project, "ruff", "check", ".")
    passes(project, "ruff", "format", "--check", ".")


@pytest.mark.parametrize("lacking", ["tests/diagnoses", "README.md"])
def test_what_cannot_be_written_whole_is_not_written_at_all(project: Path, lacking: str) -> None:
    """Be it a folder for a new file, or the place in a file that is added to."""
    place = project / lacking
    shutil.rmtree(place) if place.is_dir() else place.write_text("# Another one\n")
    before = changed(project)

    with pytest.raises(BadConfiguration, match=lacking):
        make(project, Names("cache-warming", None, None, "it is cold"))

    assert changed(project) == before
