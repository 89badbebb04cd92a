"""Secrets that our files refer to and never hold: read from where the reference points."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from urllib.parse import urlsplit

from cct_ops.config.sources import SecretReference

MOST_BYTES = 64 * 1024


def read_secret(reference: SecretReference) -> str:
    """
    Return what is at the place, without the line break that files often end with.

    Raises ``OSError`` for what cannot be read, a pipe for one: nobody may ever write to it.
    """
    if reference.env is not None:
        return os.environ.get(reference.env, "").strip()
    return read_secret_file(Path(reference.file or ""))


def read_secret_file(path: Path) -> str:
    """Return what is in the file, as ``read_secret`` does."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no file")
    if found.st_size > MOST_BYTES:
        raise OSError(errno.EFBIG, "it is too large for a key")
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise OSError(errno.EILSEQ, "it is not UTF-8 text") from None


def is_url(text: str) -> bool:
    """Say whether an HTTP library takes it as an address: its own refusal would show the secret."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and text.isascii() and text.isprintable() and " " not in text
