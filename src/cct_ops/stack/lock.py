"""The lock of a data folder: two stacks must never share one."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cct_ops.errors import BadConfiguration


@contextmanager
def locked(folder: Path, otherwise: str = "") -> Iterator[int]:
    """
    Hold a folder until the descriptor is closed here and in every process that was given it.

    Raises ``BadConfiguration`` where another process has it; ``otherwise`` says what else one can
    do. The guards are given it, so it is held until the last of them is gone, whoever dies first.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds keys
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            holder = os.read(fd, 32).decode().strip() or "unknown"
            raise BadConfiguration(
                f"{folder} is already in use by process {holder}: open what runs there, or"
                f" stop it with `kill {holder}` and wait a few seconds{otherwise}"
            ) from exc
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        yield fd
    finally:
        os.close(fd)
