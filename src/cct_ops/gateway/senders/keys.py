"""
The keys of the senders: read at the start and whenever they change, never logged.

All keys of a source are tried, whichever fits, so that neither their number nor their order shows.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from cct_ops.config import yaml_files
from cct_ops.config.secret_references import read_secret
from cct_ops.config.sources import KeyReference, Source, Sources, StandardWebhooksSource
from cct_ops.errors import BadConfiguration

MIN_BYTES = 24
STANDARD_PREFIX = "whsec_"


@dataclass(frozen=True)
class Key:
    """One key, what the record calls it, and when it counts."""

    name: str
    secret: SecretStr
    not_before: datetime | None = None
    not_after: datetime | None = None

    def counts_at(self, moment: datetime) -> bool:
        """Return whether the key is valid at that moment."""
        early = self.not_before is not None and moment < self.not_before
        late = self.not_after is not None and moment >= self.not_after
        return not (early or late)


Keys = Mapping[str, Sequence[Key]]


def read_keys(path: Path, sources: Sources) -> Keys:
    """Return every source's keys; raises ``BadConfiguration`` for one that is missing or weak."""
    return {
        name: tuple(
            _key(yaml_files.place(path, "sources", name, "keys", index), name, source, reference)
            for index, reference in enumerate(source.keys)
        )
        for name, source in sources.sources.items()
    }


def matching(keys: Sequence[Key], fits: Callable[[str], bool], at: datetime) -> Key | None:
    """Return the key that fits; every key is tried, none ends the search early."""
    found = [key for key in keys if fits(key.secret.get_secret_value()) and key.counts_at(at)]
    return found[0] if found else None


def shared(keys: Keys) -> list[list[str]]:
    """Return the sources that have a key in common."""
    holders: dict[str, set[str]] = {}
    for name, mine in keys.items():
        for key in mine:
            holders.setdefault(key.secret.get_secret_value(), set()).add(name)
    return [sorted(names) for names in holders.values() if len(names) > 1]


def _key(place: str, name: str, source: Source, reference: KeyReference) -> Key:
    """Read one key and refuse what could be guessed."""
    advice = f"at least {MIN_BYTES} random bytes, for example from `openssl rand -base64 32`"
    where = f"the {'file' if reference.file else 'environment variable'} {reference.name}"
    try:
        secret = read_secret(reference)
    except OSError as error:
        raise BadConfiguration(
            f"{place}: the key of source {name} cannot be read from {where}: {error.strerror}."
        ) from None
    if isinstance(source, StandardWebhooksSource):
        _check_standard(place, name, where, secret)
    effective = secret.removeprefix(STANDARD_PREFIX)
    if not effective:
        raise BadConfiguration(
            f"{place}: source {name} has no key: set {where} to {advice}, and the same in the"
            " sender."
        )
    if len(effective.encode()) < MIN_BYTES:
        raise BadConfiguration(
            f"{place}: the key of source {name} in {where} is too short: use {advice}."
        )
    return Key(reference.name, SecretStr(secret), reference.not_before, reference.not_after)


def _check_standard(place: str, name: str, where: str, secret: str) -> None:
    """Standard Webhooks' keys are base64, with or without the padding at the end."""
    encoded = secret.removeprefix(STANDARD_PREFIX).rstrip("=")
    try:
        base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        raise BadConfiguration(
            f"{place}: the key of source {name} in {where} is not base64: copy all of it, as"
            f" {STANDARD_PREFIX}…."
        ) from None
