"""Files out of a zip that somebody else made, with bounds on everything that it claims."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Mapping

from cct_ops.clients.text import one_line
from cct_ops.errors import ContractBroken, Rejected

MOST_FILES = 200
LONGEST_NAME = 200

# What a zip that is broken, packed in another way or locked makes Python's libraries raise.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
    OSError,
)


def files(content: bytes, limit_bytes: int, where: str) -> Mapping[str, bytes]:
    """
    Return the files by their names.

    The sizes that a zip declares are not believed: reading stops at ``limit_bytes`` in all.
    """
    found: dict[str, bytes] = {}
    left = limit_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES:
                raise Rejected(
                    f"{where} holds {len(entries)} files; at most {MOST_FILES} are read."
                )
            for entry in entries:
                with archive.open(entry) as file:
                    read = file.read(left + 1)
                left -= len(read)
                if left < 0:
                    raise Rejected(f"{where} unpacks to more than {limit_bytes} bytes.")
                found[_name(entry.filename, found)] = read
    except _UNREADABLE as exc:
        raise ContractBroken(f"{where} is not a zip that can be read: {exc}.") from exc
    return found


def _name(claimed: str, taken: Mapping[str, bytes]) -> str:
    """Return the name on one line; of two files of one name none takes the other's place."""
    name = one_line(claimed, LONGEST_NAME)
    again = (f"{name} ({number})" for number in range(2, MOST_FILES + 2))
    return name if name not in taken else next(each for each in again if each not in taken)
