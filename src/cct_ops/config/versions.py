"""
The version of a file that was read: the digest of its bytes, and the commit that was checked out.

Git's own files are read instead of asking git, which no image of ours has and which would take each
run as long as its whole way to the gate.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from pydantic import PrivateAttr

from cct_ops.models.base import Frozen
from cct_ops.models.versions import FileVersion

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REF = "ref: "


class Versioned(Frozen):
    """A model of a file whose version is named wherever something was decided by it."""

    _version: FileVersion | None = PrivateAttr(None)  # no key of the file

    @property
    def version(self) -> FileVersion | None:
        """The version of the file that it was read from; None if it is from no file."""
        return self._version

    def mark_read_from(self, path: Path, content: bytes) -> None:
        """Note the file that this was just read from."""
        self._version = version_of(path, content)


def version_of(path: Path, content: bytes) -> FileVersion:
    """Return the version of a file of which this is the content."""
    digest = hashlib.sha256(content).hexdigest()
    return FileVersion(digest=digest, commit=_commit(path.resolve()))


def _commit(path: Path) -> str | None:
    """Return the commit that is checked out round a file; None where there is no repository."""
    for folder in path.parents:
        entry = folder / ".git"
        if entry.is_dir():
            return _head(entry)
        if entry.is_file():  # of a worktree or a submodule: it names the place
            named = _line(entry).removeprefix("gitdir: ")
            return _head(folder / named)
    return None


def _head(git: Path) -> str | None:
    said = _line(git / "HEAD")
    if not said.startswith(_REF):
        return _if_commit(said)
    name = said.removeprefix(_REF)
    common = git / (_line(git / "commondir") or ".")
    loose = _if_commit(_line(git / name)) or _if_commit(_line(common / name))
    return loose or _packed(common / "packed-refs", name)


def _packed(path: Path, name: str) -> str | None:
    for line in _text(path).splitlines():
        commit, _, ref = line.partition(" ")
        if ref == name:
            return _if_commit(commit)
    return None


def _if_commit(text: str) -> str | None:
    return text if _COMMIT.fullmatch(text) else None


def _line(path: Path) -> str:
    return _text(path).strip()


def _text(path: Path) -> str:
    """Return what a file of git's holds; nothing where there is none that we may read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
