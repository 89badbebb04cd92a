"""
A history replayed twice: by a revision's own code and files, and by those of the work tree.

Each side is a process of its own, which is given the history as a file and nothing else: no
variable of ours, so no ledger, no key and no address. A revision without this command, with another
form of it, or whose code does not run here, is replayed by the code that does, on its files.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

import cct_ops
from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.replay.history import FORMAT
from cct_ops.replay.result import WRONG_RULES, Replayed
from cct_ops.replay.revisions import Repository
from cct_ops.replay.rules import RuleFiles

_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TZDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_CODE = Path(cct_ops.__file__).resolve().parent.parent
_CHECKED = ("prefect.yaml", "flows", "tasks", "src/cct_ops/diagnoses", "src/cct_ops/actions")
_FORM = re.compile(r"^FORMAT = (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Sides:
    """Both results, the commit of the first, and what a reader has to know about them."""

    commit: str
    before: Replayed
    after: Replayed
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Side:
    """One side: the code that replays, its three files, and the name of it in messages."""

    code: Path
    files: RuleFiles
    name: str
    stands_in: str = ""  # the folder that is shown as the name


def replay_both(
    revision: str, files: RuleFiles, history: Path, *, files_only: bool = False
) -> Sides:
    """Replay the history by the revision's rules and by these files, side by side."""
    for path in _three(files):
        if not path.is_file():
            raise BadConfiguration(f"{path}: there is no such file")
    repository = Repository.around(files.routes)
    commit = repository.commit(revision)
    with TemporaryDirectory(prefix="cct-ops-replay-") as folder:
        here = Path(folder)
        before, notes = _of_revision(repository, commit, files, here / "rev", files_only=files_only)
        after = _Side(_CODE, files, "the work tree")
        if repository.changed([*_beside(files), *_shared(repository, files)]):
            notes.append("the work tree has changes that are in no commit; they count")
        with _started(before, history, here) as first, _started(after, history, here) as second:
            then = _of_then(before, first, history, here, notes)
            return Sides(commit, then, _result(after, second), tuple(notes))


def _of_then(
    side: _Side, process: subprocess.Popen[bytes], history: Path, folder: Path, notes: list[str]
) -> Replayed:
    """Return the revision's result; what its own code cannot do here, the code that runs does."""
    try:
        return _result(side, process)
    except Unavailable as error:
        if side.code == _CODE:
            raise
        notes.append(f"{error}: {_STOOD_IN}")
    with _started(replace(side, code=_CODE), history, folder) as again:
        return _result(side, again)


_STOOD_IN = "its files were replayed by the code that runs here, so a change of code does not show"


def _of_revision(
    repository: Repository, commit: str, files: RuleFiles, folder: Path, *, files_only: bool
) -> tuple[_Side, list[str]]:
    """Write the revision's code and files down, and say what of it cannot be compared."""
    named = f"{commit[:12]}"
    notes = []
    for path in _three(files):
        if repository.holds(path) and not repository.has(commit, path):
            raise BadConfiguration(f"{named} has no {repository.inside(path)}")
        if not repository.holds(path):
            notes.append(f"{path} is not in {repository.root}: it counts as it is for both sides")
    folder.mkdir()
    repository.export(commit, [*_shared(repository, files), *_beside(files)], folder)

    def of_then(path: Path) -> Path:
        return folder / repository.inside(path) if repository.holds(path) else path

    code = of_then(_CODE)
    if files_only:
        code = _CODE
    elif not repository.holds(_CODE):
        notes.append("the code is not in this repository: only files are compared")
    elif _form(code) != FORMAT:
        code = _CODE
        notes.append(f"the code of {named} cannot replay, or not in this form: {_STOOD_IN}")
    then = RuleFiles(*(of_then(path) for path in _three(files)))
    return _Side(code, then, named, f"{folder}{os.sep}"), notes


def _three(files: RuleFiles) -> tuple[Path, Path, Path]:
    return files.sources, files.routes, files.policy


def _shared(repository: Repository, files: RuleFiles) -> list[Path]:
    return [path for path in (*_three(files), _CODE / "cct_ops") if repository.holds(path)]


def _beside(files: RuleFiles) -> list[Path]:
    """Return the playbooks that rules are checked against, and the code that concludes for them."""
    root = files.routes.resolve().parent.parent
    return [path for name in _CHECKED if (path := root / name).exists()]


def _form(code: Path) -> int | None:
    """Return the form of histories that this code replays, None if it replays none."""
    try:
        (code / "cct_ops" / "replay" / "__main__.py").stat()
        found = _FORM.search((code / "cct_ops" / "replay" / "history.py").read_text())
    except OSError:
        return None
    return int(found[1]) if found else None


@contextmanager
def _started(side: _Side, history: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a side, and end it with the block whatever happens."""
    env = {name: os.environ[name] for name in _KEPT if name in os.environ}
    env |= {"PYTHONPATH": str(side.code), "HOME": str(folder), "PREFECT_HOME": str(folder)}
    env |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1", "PYTHONUTF8": "1"}
    paths = [str(path.resolve()) for path in (history, *_three(side.files))]
    with subprocess.Popen(  # noqa: S603 -- this Python, on files that were just written
        [sys.executable, "-m", "cct_ops.replay", *paths],
        env=env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _result(side: _Side, process: subprocess.Popen[bytes]) -> Replayed:
    out, err = process.communicate()
    said = err.decode(errors="replace").strip()
    if side.stands_in:
        said = said.replace(side.stands_in, f"{side.name}:")
    last = said.splitlines()[-1] if said else f"it ended with {process.returncode}"
    if process.returncode == WRONG_RULES:
        raise BadConfiguration(last)
    if process.returncode:
        raise Unavailable(f"the code of {side.name} ended with an error, {last.rstrip('.')}")
    try:
        return Replayed.model_validate_json(out)
    except ValidationError:
        raise Unavailable(f"the code of {side.name} answered in another form") from None
