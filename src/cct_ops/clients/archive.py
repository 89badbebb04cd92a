"""Files out of a zip that somebody else made, with bounds on everything that it claims."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping

from cct_ops.errors import ContractBroken, Rejected

MOST_FILES = 200


def files(content: bytes, limit_bytes: int, where: str) -> Mapping[str, bytes]:
    """
    Return the files by their names.

    What a zip says about its sizes is not believed: reading stops at ``limit_bytes`` in all.
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
                found[entry.filename] = read
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as exc:
        raise ContractBroken(f"{where} is not a zip that can be read: {exc}.") from exc
    return found
