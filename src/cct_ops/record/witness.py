"""
A witness of the log: a file that is only appended to, outside the database, or in a repository.

Each line is JSON: a checkpoint, and the hashes of the leaves since the line before. Whoever holds
the database and the key cannot change what stands here, so it names what they changed there.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cct_ops.config.policy import AuditPolicy
from cct_ops.errors import BadConfiguration, ContractBroken, Unavailable
from cct_ops.record import git_witness, tree
from cct_ops.record.canonical import UNREADABLE
from cct_ops.record.notes import Checkpoint

_BLOCK = 1 << 16
_HASH = 32


@dataclass
class Witnessed:
    """Everything that a witness has seen: the hash of each leaf, and each checkpoint, and when."""

    hashes: list[bytes] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)

    def size_at(self, moment: str) -> int:
        """Return how many leaves it had seen at a moment."""
        known = (
            Checkpoint.parse(note).size
            for note, at in zip(self.notes, self.times, strict=True)
            if at <= moment
        )
        return max(known, default=0)


@dataclass(frozen=True)
class Place:
    """Where a witness is: its file, and the repository in which that is, if any."""

    file: Path
    repository: Path | None = None

    def read(self) -> Witnessed:
        """Read all that it has seen: of a repository, what left it."""
        if self.repository is None:
            return read(self.file)
        return _seen(str(self.file), git_witness.published(self.repository).splitlines())

    def publish(self) -> None:
        """Let what was appended leave the folder, where it does."""
        if self.repository is not None:
            git_witness.publish(self.repository)


def places(audit: AuditPolicy, folder: Path | None) -> list[Place]:
    """Return the witnesses that policy names; relative ones are in the folder of the key."""
    found = []
    for each in audit.witnesses:
        if each.file is not None:
            found.append(Place((folder or Path()) / each.file))
        if each.git is not None:
            repository = (folder or Path()) / each.git
            found.append(Place(repository / git_witness.FILE, repository))
    return found


def read(path: Path) -> Witnessed:
    """
    Read all that a witness has seen.

    Raises ``ContractBroken`` with the line where its checkpoints do not follow from its hashes.
    """
    return _seen(str(path), _lines(path))


def _seen(path: str, lines: Iterable[bytes]) -> Witnessed:
    seen = Witnessed()
    edge: list[bytes] = []
    for number, line in enumerate(lines, start=1):
        found = _parsed(line)
        if found is None:
            continue  # a line that a kill cut off; what it was to say stands in the next one
        note, hashes, at = found
        size = len(seen.hashes)
        edge = _extended(size, edge, hashes)
        seen.hashes += hashes
        seen.notes.append(note)
        seen.times.append(at)
        checkpoint = Checkpoint.parse(note)
        if (checkpoint.size, checkpoint.root) != (len(seen.hashes), tree.fold(edge)):
            raise ContractBroken(f"{path}, line {number}: its checkpoint is not over its leaves")
    return seen


class Writer:
    """Appends to a witness; nobody else does meanwhile."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file

    def newest(self) -> Checkpoint | None:
        """Return the last checkpoint that it has seen."""
        end, tail = self._file.seek(0, os.SEEK_END), b""
        while end:
            begin = max(0, end - _BLOCK)
            self._file.seek(begin)
            tail, end = self._file.read(end - begin) + tail, begin
            whole = tail.split(b"\n")[0 if begin == 0 else 1 :]
            for line in reversed(whole):
                found = _parsed(line)
                if found is not None:
                    return Checkpoint.parse(found[0])
        return None

    def append(self, note: str, hashes: Sequence[bytes], at: str) -> None:
        """Add a checkpoint and its new leaves, by the ledger's clock; the disk has them then."""
        line = {"at": at, "checkpoint": note, "leaves": base64.b64encode(b"".join(hashes)).decode()}
        end = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(0, end - 1))
        torn = end > 0 and self._file.read(1) != b"\n"
        content = memoryview(b"\n" * torn + json.dumps(line).encode() + b"\n")
        while content:
            content = content[self._file.write(content) :]
        os.fsync(self._file.fileno())


def newest(path: Path) -> Checkpoint | None:
    """Return the last checkpoint that a witness has seen; None where there is none yet."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        return Writer(path, file).newest()


@contextmanager
def appending(path: Path) -> Iterator[Writer]:
    """
    Open a witness, which is made where there is none; two who append take turns.

    Raises ``BadConfiguration`` where it cannot be opened, and ``Unavailable`` where its disk fails
    or is full.
    """
    why = f"the log's witness cannot be written: {path}"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise BadConfiguration(f"{why}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield Writer(path, file)
        except OSError as error:
            raise Unavailable(f"{why}: {error.strerror}") from None


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise BadConfiguration(
            f"the log's witness cannot be read: {path}: {error.strerror}"
        ) from None


def _parsed(line: bytes) -> tuple[str, list[bytes], str] | None:
    try:
        said = json.loads(line)
        raw = base64.b64decode(said["leaves"], validate=True)
        note, at = said["checkpoint"], f"{said['at']}"
        Checkpoint.parse(note)
    except (*UNREADABLE, ContractBroken):
        return None
    return note, [raw[begin : begin + _HASH] for begin in range(0, len(raw), _HASH)], at


def _extended(size: int, edge: list[bytes], hashes: Sequence[bytes]) -> list[bytes]:
    """Return the edge of the tree once these leaves follow."""
    nodes = dict(zip(tree.cover(0, size), edge, strict=True))
    nodes |= {(0, size + at): each for at, each in enumerate(hashes)}
    nodes |= dict(tree.grown(size, edge, hashes))
    return [nodes[node] for node in tree.cover(0, size + len(hashes))]
