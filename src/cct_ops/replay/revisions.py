"""What git has of a revision: its commit, and its files in a folder of their own."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cct_ops.errors import BadConfiguration, Unavailable


@dataclass(frozen=True)
class Repository:
    """A repository by the folder of its work tree."""

    root: Path

    @classmethod
    def around(cls, path: Path) -> Repository:
        """Return the repository that holds a file; raises ``BadConfiguration`` without one."""
        folder = path.resolve().parent
        done = _git(folder, "rev-parse", "--show-toplevel")
        if done.returncode:
            raise BadConfiguration(
                f"{path} is in no git repository, so there is no revision to compare with"
                f" ({_said(done)})"
            )
        return cls(Path(os.fsdecode(done.stdout).rstrip("\n")).resolve())

    def commit(self, revision: str) -> str:
        """Return the commit that is meant; raises ``BadConfiguration`` where there is none."""
        wanted = ("--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        done = _git(self.root, "rev-parse", *wanted)
        if done.returncode == 0:
            return done.stdout.decode().strip()
        shallow = _git(self.root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
        hint = "; this clone is a shallow one: `git fetch --unshallow`" if shallow else ""
        raise BadConfiguration(f"{self.root} has no revision {revision!r}{hint}")

    def has(self, commit: str, path: Path) -> bool:
        """Return whether the commit has a file or folder at this place."""
        done = _git(self.root, "cat-file", "-e", f"{commit}:{self.inside(path).as_posix()}")
        return done.returncode == 0

    def changed(self, paths: Iterable[Path]) -> bool:
        """Return whether something of this is in the work tree and in no commit."""
        places = [str(self.inside(path)) for path in paths]
        done = _git(self.root, "status", "--porcelain", "--", *places)
        return bool(done.stdout.strip())

    def holds(self, path: Path) -> bool:
        """Return whether a file is in the work tree."""
        return path.resolve().is_relative_to(self.root)

    def inside(self, path: Path) -> Path:
        """Return the place of a file in the repository."""
        return path.resolve().relative_to(self.root)

    def export(self, commit: str, paths: Iterable[Path], folder: Path) -> None:
        """Write what the commit has at these places into a folder."""
        places = sorted({self.inside(path).as_posix() for path in paths if self.has(commit, path)})
        done = _git(self.root, "archive", "--format=tar", commit, "--", *places)
        if done.returncode:
            raise Unavailable(f"git could not give the files of {commit[:12]}: {_said(done)}")
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")


def _git(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    # In a hook of git's its variables name another repository.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(  # noqa: S603 -- words of ours, and a revision that is no option
            ["git", "-C", str(folder), *words],  # noqa: S607 -- git is wherever it was installed
            capture_output=True,
            check=False,
            env=env,
        )
    except OSError as error:
        raise BadConfiguration(f"git is needed to read a revision: {error.strerror}") from error


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"git ended with {done.returncode}"
