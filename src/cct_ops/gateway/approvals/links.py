"""
Links that prove who follows them: an approval, an approver and an expiry under the gateway's key.

The key never leaves the gateway and a link is never stored: it is made, put into one message and
forgotten. Whoever holds a link is taken for its approver, so it goes to that person alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from pydantic import SecretStr

from cct_ops.config.secret_references import read_secret_file
from cct_ops.errors import BadConfiguration

MIN_KEY_BYTES: Final = 24
_VERSION: Final = 1
_HEAD: Final = struct.Struct(">B16sQ")  # version, approval, expiry in seconds since 1970
_MAC_BYTES: Final = 32
_LONGEST: Final = 256
_PURPOSE: Final = b"cct-ops approval link\0"


@dataclass(frozen=True)
class Link:
    """The content of a genuine link; the caller checks whether it has expired."""

    approval_id: UUID
    approver_id: str
    expires_at: int


def read_key(path: Path) -> SecretStr:
    """Read the key, and refuse one that could be guessed."""
    try:
        key = read_secret_file(path)
    except OSError as error:
        raise BadConfiguration(
            f"CCT_OPS_APPROVAL_KEY_FILE: {path} cannot be read: {error.strerror}."
        ) from None
    if len(key) < MIN_KEY_BYTES:
        raise BadConfiguration(
            f"CCT_OPS_APPROVAL_KEY_FILE: the key in {path} is too short: use at least"
            f" {MIN_KEY_BYTES} random bytes, for example from `openssl rand -base64 32`."
        )
    return SecretStr(key)


def mint(key: SecretStr, link: Link) -> str:
    """Return the token of a link."""
    signed = _HEAD.pack(_VERSION, link.approval_id.bytes, link.expires_at)
    signed += link.approver_id.encode()
    return _text(_mac(key, signed) + signed)


def read(key: SecretStr, token: str) -> Link | None:
    """Return what the link says; None unless every bit of it is ours."""
    if len(token) > _LONGEST or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    mac, signed = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, signed)) or _text(raw) != token:
        return None
    version, approval, expires_at = _HEAD.unpack_from(signed)
    if version != _VERSION:
        return None
    return Link(UUID(bytes=approval), signed[_HEAD.size :].decode(), expires_at)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _mac(key: SecretStr, signed: bytes) -> bytes:
    return hmac.digest(key.get_secret_value().encode(), _PURPOSE + signed, hashlib.sha256)
