"""A file of JSON lines, one event in each, which others read and rotate."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cct_ops.errors import BadConfiguration, Unavailable

_BLOCK = 1 << 16
_HEAD = b'{"'  # as each of our lines begins
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
_MODE = 0o640


class FileReceiver:
    """Appends to the file that has the name now: after a rotation, to a new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: int | None = None

    def take(self, sent: Sequence[bytes]) -> None:
        """Append them; the disk has them then."""
        try:
            place = self._at_hand()
            content = memoryview(b"".join(each + b"\n" for each in sent))
            while content:
                content = content[os.write(place, content) :]
            os.fsync(place)
        except OSError as error:
            self.close()  # what was written in part is cut off when it is opened again
            raise Unavailable(f"{self._path} cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Let go of the file."""
        if self._open is not None:
            os.close(self._open)
            self._open = None

    def _at_hand(self) -> int:
        """Return the open file, opened anew where its name is now that of another, or of none."""
        if self._open is not None and not _same(self._open, self._path):
            self.close()
        if self._open is None:
            self._open = _opened(self._path)
        return self._open


@contextmanager
def receiving(path: Path) -> Iterator[FileReceiver]:
    """Have the file at hand for a turn."""
    receiver = FileReceiver(path)
    try:
        yield receiver
    finally:
        receiver.close()


def _same(place: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(place), path.stat())
    except FileNotFoundError:
        return False


def _opened(path: Path) -> int:
    new = not path.exists()
    place = os.open(path, _FLAGS, _MODE)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            raise BadConfiguration(f"{path} is no file")
        _repair(place, path)
        if new:
            os.fchmod(place, _MODE)
            _keep_name(path)
    except BaseException:
        os.close(place)
        raise
    return place


def _repair(place: int, path: Path) -> None:
    """Cut off a last line that a kill left without its end: it is written again, as a whole."""
    end, tail = os.fstat(place).st_size, b""
    begin = end
    while begin and b"\n" not in tail:
        step = min(_BLOCK, begin)
        begin -= step
        tail = os.pread(place, step, begin) + tail
    torn = tail.rpartition(b"\n")[2]
    if not torn:
        return
    if not torn.startswith(_HEAD[: len(torn)]):
        raise BadConfiguration(
            f"{path} ends with half a line that is no event of ours: name another file"
        )
    os.ftruncate(place, end - len(torn))


def _keep_name(path: Path) -> None:
    """Have the disk know the name of a new file, too."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
