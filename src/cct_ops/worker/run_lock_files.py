"""
Lock files that outlive a worker: which runs it started, and which of their processes still live.

Each worker has a folder here and holds the lock of it; each of its runs has a file in there, locked
for as long as the run's process lives. The kernel lets go of a lock when its last holder dies, and
never before, so a lock that can be had is a proof of death. (A process id proves nothing: ids are
used again, and containers each count their own.)
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

_WORKER = "worker"
_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAME = re.compile(rf"{_ID}\.{_ID}")


@dataclass(frozen=True)
class RunLockFile:
    """
    The file of one attempt at a run: the one that took it up from this Scheduled state.

    (Prefect's count of runs stays the same when a run is resumed: it cannot identify an attempt.)
    """

    path: Path

    @property
    def flow_run_id(self) -> UUID:
        """The run."""
        return UUID(self.path.name.partition(".")[0])

    @property
    def state_id(self) -> UUID:
        """The Scheduled state."""
        return UUID(self.path.name.partition(".")[2])

    @property
    def is_alive(self) -> bool:
        """True while a process holds the lock."""
        descriptor = _lock(self.path)
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def remove(self) -> None:
        """Forget the attempt."""
        self.path.unlink()


class RunLockFiles:
    """The folder of one worker, for as long as we hold its lock."""

    def __init__(self, folder: Path, lock: int) -> None:
        self._folder = folder
        self._lock = lock

    @classmethod
    def begin(cls, pool: Path) -> Self:
        """Make the folder of a new worker."""
        folder = pool / str(uuid4())
        folder.mkdir(parents=True)
        lock = _lock(folder / _WORKER)
        assert lock is not None  # noqa: S101 -- nobody else knows the name
        return cls(folder, lock)

    @classmethod
    def abandoned(cls, pool: Path) -> list[Self]:
        """Take over the folders of the workers of this pool that live no more."""
        folders = (path for path in sorted(pool.iterdir()) if path.is_dir())  # others' are none
        locks = ((folder, _lock(folder / _WORKER)) for folder in folders)
        return [cls(folder, lock) for folder, lock in locks if lock is not None]

    @contextmanager
    def held(self, flow_run_id: UUID, state_id: UUID) -> Iterator[tuple[RunLockFile, int]]:
        """Lock a new file; whoever is given the descriptor goes on holding it when we let go."""
        lock_file = RunLockFile(self._folder / f"{flow_run_id}.{state_id}")
        lock = _lock(lock_file.path)
        assert lock is not None  # noqa: S101 -- in our folder only we make files
        try:
            yield lock_file, lock
        finally:
            os.close(lock)

    def left(self) -> list[RunLockFile]:
        """Return the lock files that nobody has removed; other names are none of ours."""
        paths = sorted(self._folder.iterdir())
        return [RunLockFile(path) for path in paths if _NAME.fullmatch(path.name)]

    def end(self) -> None:
        """Let go of the folder, and remove it unless something is left in it."""
        if {path.name for path in self._folder.iterdir()} == {_WORKER}:
            (self._folder / _WORKER).unlink()
            self._folder.rmdir()
        os.close(self._lock)


def _lock(path: Path) -> int | None:
    """Open and lock the file; None if somebody else has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
