"""The lock of a data folder: two stacks must never share one."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from cct_ops.errors import BadConfiguration


class FolderLock:
    """
    Holds a folder until it is closed here and in every process that was given ``fd``.

    The guards are given it, so it is held until the last of them is gone, whoever dies first.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds keys
        self.fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            holder = os.read(self.fd, 32).decode().strip() or "unknown"
            os.close(self.fd)
            raise BadConfiguration(
                f"{folder} is already in use by process {holder}: open what runs there, "
                f"stop it with `kill {holder}` and wait a few seconds, or choose another "
                "folder with --data"
            ) from exc
        os.ftruncate(self.fd, 0)
        os.write(self.fd, f"{os.getpid()}\n".encode())

    def close(self) -> None:
        """Let go of it here."""
        os.close(self.fd)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
