"""The keys of the senders: read once at the start, never logged, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr

from cct_ops import config_file
from cct_ops.errors import BadConfiguration
from cct_ops.models.source import KeyReference, Sources

MIN_BYTES = 24

# An unknown sender is compared with this, so that it takes as long to refuse as a wrong key.
_NOBODY = (SecretStr(secrets.token_urlsafe(32)),)

Keys = Mapping[str, Sequence[SecretStr]]


def read_keys(path: Path, sources: Sources) -> Keys:
    """Return every source's keys; raises ``BadConfiguration`` for one that is missing or weak."""
    return {
        name: tuple(
            _read(config_file.place(path, "sources", name, "keys", index), name, reference)
            for index, reference in enumerate(source.keys)
        )
        for name, source in sources.sources.items()
    }


def admits(keys: Keys, source: str, authorization: Sequence[str]) -> bool:
    """Tell whether the ``Authorization`` headers hold exactly one of the source's keys."""
    scheme, _, given = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
    matches = [_equal(given.strip(), key) for key in keys.get(source, _NOBODY)]
    return scheme.lower() == "bearer" and source in keys and any(matches)


def _read(place: str, source: str, reference: KeyReference) -> SecretStr:
    """Read one key and refuse what could be guessed."""
    advice = f"at least {MIN_BYTES} random bytes, for example from `openssl rand -base64 32`"
    if reference.env is not None:
        where = f"the environment variable {reference.env}"
        key = os.environ.get(reference.env, "")
    else:
        where = f"the file {reference.file}"
        try:
            key = Path(reference.file or "").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise BadConfiguration(
                f"{place}: the key of source {source} cannot be read from {where}: {reason}."
            ) from None
    key = key.strip()
    if not key:
        raise BadConfiguration(
            f"{place}: source {source} has no key: set {where} to {advice}, and the same in the"
            " sender."
        )
    if len(key.encode()) < MIN_BYTES:
        raise BadConfiguration(
            f"{place}: the key of source {source} in {where} is too short: use {advice}."
        )
    return SecretStr(key)


def _equal(given: str, key: SecretStr) -> bool:
    """Compare digests: they are of one length, so that not even the key's length shows."""
    digests = (
        hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
        for text in (given, key.get_secret_value())
    )
    return hmac.compare_digest(*digests)
