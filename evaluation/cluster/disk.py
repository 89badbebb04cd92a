"""
Disks of a limited size, one for each part that keeps files.

A disk is a file system in memory. It is made full by making it as small as what lies on it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OURS = "cctops"
_MEGABYTES = 2048
_FILES = 1_000_000
_BALLAST = "ballast"


class Disks:
    """The disks below one folder, by the names of the parts; plain folders where none is made."""

    def __init__(self, folder: Path, *, limited: bool) -> None:
        self.folder = folder
        self.limited = limited
        self._names: list[str] = []

    def of(self, name: str) -> Path:
        """Return the folder of a part's disk, which is made at the first time."""
        where = self.folder / name
        if name not in self._names:
            where.mkdir(parents=True, exist_ok=True)
            self._names.append(name)
            if self.limited:
                options = f"size={_MEGABYTES}m,nr_inodes={_FILES},mode=0711"
                _run("mount", "-t", "tmpfs", "-o", options, f"{_OURS}{os.getpid()}", str(where))
        return where

    def fill(self, name: str) -> None:
        """Leave no room on a part's disk, nor for the name of one more file."""
        if not self.limited:
            raise NotImplementedError(f"the disk of {name} is that of this machine")
        disk = self.folder / name
        (disk / _BALLAST).write_text("more than nothing, of which there is no limit")
        for _ in range(100):  # something may be written between the look and the word
            found = os.statvfs(disk)
            size = (found.f_blocks - found.f_bfree) * found.f_frsize
            if self._limit(name, size, found.f_files - found.f_ffree, check=False):
                return
        raise OSError(f"the disk of {name} could not be made full")

    def clear(self, name: str) -> None:
        """Let a part's disk have room again."""
        if self.limited:
            self._limit(name, _MEGABYTES * 2**20, _FILES)
            (self.folder / name / _BALLAST).unlink(missing_ok=True)

    def _limit(self, name: str, size: int, files: int, *, check: bool = True) -> bool:
        options = f"remount,size={size},nr_inodes={files}"
        return _run("mount", "-o", options, str(self.folder / name), check=check)

    def clear_all(self) -> None:
        """Let each disk have room again."""
        for name in self._names:
            self.clear(name)

    def remove(self) -> None:
        """Remove the disks with all that lies on them."""
        for name in self._names if self.limited else ():
            _run("umount", "--lazy", str(self.folder / name), check=False)


@contextmanager
def disks(folder: Path) -> Iterator[Disks]:
    """Have disks for the length of the block."""
    folder.mkdir(mode=0o711, exist_ok=True)
    _remove_left_over()
    made = Disks(folder, limited=_allowed(folder))
    try:
        yield made
    finally:
        made.remove()


def _allowed(folder: Path) -> bool:
    """Say whether this process may mount."""
    probe = Disks(folder, limited=True)
    try:
        probe.of("probe")
    except OSError:
        return False
    probe.remove()
    return True


def _remove_left_over() -> None:
    """Remove the disks of clusters that were killed."""
    for line in Path("/proc/mounts").read_text().splitlines():
        source, where, *_ = line.split()
        pid = source.removeprefix(_OURS)
        if source != pid and pid.isdecimal() and not Path("/proc", pid).exists():
            _run("umount", "--lazy", where, check=False)


def _run(*command: str, check: bool = True) -> bool:
    done = subprocess.run(  # noqa: S603 -- commands of our own
        command, capture_output=True, text=True, check=False
    )
    if check and done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.returncode == 0
