"""
The file of a backup: a zip with one dump for each database, and a manifest at its end.

Each part is a dump that ``pg_restore`` reads by itself, so a file outlives this program:
``unzip -p FILE ledger.dump | pg_restore ...``. They are compressed already.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ValidationError

from cct_ops.errors import BadConfiguration, ContractBroken, Unavailable
from cct_ops.models.base import Frozen

FORMAT = 1
MANIFEST = "manifest.json"
BLOCK = 1 << 20
_MOST_MANIFEST_BYTES = 1 << 22
# What reading a part raises where the zip is damaged, or is none that we write.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class Dump(Frozen):
    """One database: the moment that it is of, its schema, its rows, and its bytes in the file."""

    at: datetime
    revision: str | None
    server_version: int
    tables: Mapping[str, int]
    sha256: str
    bytes: int


class Manifest(Frozen):
    """What is in a backup; the ledger is of the earlier moment."""

    format: int
    version: str
    prefect_version: str
    person: str
    ledger: Dump
    prefect: Dump
    leaves: int
    waiting: int
    """Entries of the log that were no leaves yet."""
    checkpoint: str | None
    draining: bool
    under_way: int
    """Runs that had begun, and whose end is not in it."""
    runs_unknown_to_prefect: int


class _Head(BaseModel):
    """What every format of a manifest has."""

    format: int
    version: str


class Hashing:
    """Writes to a file and knows the digest and the length of it; it cannot go back."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.bytes = 0

    def write(self, block: bytes) -> int:
        """Write a block, whole."""
        self._file.write(block)
        self._hash.update(block)
        self.bytes += len(block)
        return len(block)

    def close(self) -> None:
        """Leave the file to whoever opened it."""

    def seekable(self) -> bool:
        """Say that it cannot go back."""
        return False

    def flush(self) -> None:
        """Let the file have all of it."""
        self._file.flush()

    @property
    def sha256(self) -> str:
        """The digest of everything so far."""
        return self._hash.hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[tuple[zipfile.ZipFile, Hashing]]:
    """
    Write a new file that its owner alone may read, and that is there whole or not at all.

    Raises ``BadConfiguration`` where it cannot be, and ``Unavailable`` where its disk fails.
    """
    taken = BadConfiguration(f"{path} is there already: name a file that is not")
    try:
        if path.exists():
            raise taken
        # a draft of its own, as two may write a file of this name at once
        place, name = tempfile.mkstemp(".part", f".{path.name[:40]}.", path.parent)
    except OSError as error:
        raise BadConfiguration(f"{path} cannot be written: {error.strerror}") from None
    draft = Path(name)
    try:
        with os.fdopen(place, "wb") as file:
            hashing = Hashing(file)
            with zipfile.ZipFile(hashing, "w") as archive:
                yield archive, hashing
            file.flush()
            os.fsync(file.fileno())
        _appear(draft, path)
    except FileExistsError:
        raise taken from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def reading(path: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """Open a backup; raises ``BadConfiguration`` or ``ContractBroken`` where it is none."""
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise BadConfiguration(f"{path} cannot be read: {error.strerror}") from None
    except zipfile.BadZipFile:
        raise ContractBroken(f"{path} is no backup, or only the beginning of one") from None
    with archive:
        yield archive, _manifest(path, archive)


def digest(archive: zipfile.ZipFile, name: str) -> str:
    """Return the digest of a part; raises ``ContractBroken`` where it is damaged."""
    found = hashlib.sha256()
    for block in blocks(archive, name):
        found.update(block)
    return found.hexdigest()


def blocks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Yield a part, block by block; raises ``ContractBroken`` where it is damaged or missing."""
    try:
        with archive.open(name) as part:
            while block := part.read(BLOCK):
                yield block
    except (KeyError, *_DAMAGED) as error:
        raise ContractBroken(f"its part {name} is damaged: {error}") from None


def _appear(draft: Path, path: Path) -> None:
    """Give it its name; raises ``FileExistsError`` where another has that meanwhile."""
    try:
        path.hardlink_to(draft)  # which, unlike a rename, takes the place of nothing
    except FileExistsError:
        raise
    except OSError:  # as on a share of another system
        if path.exists():
            raise FileExistsError(path) from None
        draft.rename(path)


def _manifest(path: Path, archive: zipfile.ZipFile) -> Manifest:
    try:
        if archive.getinfo(MANIFEST).file_size > _MOST_MANIFEST_BYTES:
            raise ContractBroken(f"{path} is no backup of ours: its {MANIFEST} is too large")
        text = archive.read(MANIFEST)
        head = _Head.model_validate_json(text)
        if head.format != FORMAT:
            raise ContractBroken(
                f"{path} has the format {head.format}, and this release knows {FORMAT}: use the"
                f" release {head.version}, which wrote it"
            )
        return Manifest.model_validate_json(text)
    except KeyError:
        raise ContractBroken(f"{path} is no backup of ours: it has no {MANIFEST}") from None
    except (ValidationError, *_DAMAGED):
        raise ContractBroken(f"{path}: its {MANIFEST} is damaged. Try an older backup") from None
