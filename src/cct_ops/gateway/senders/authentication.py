"""
Authenticates senders, on the raw bytes and before anything is parsed.

Text is compared as digests of one length in constant time, and a signature in exactly the form
that its sender writes: what is decoded leniently has several forms, and one was not signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import SecretStr

from cct_ops.config.sources import Signature
from cct_ops.gateway.senders.keys import STANDARD_PREFIX, Key, matching
from cct_ops.gateway.senders.parsed_delivery import Received

TOLERANCE_SECONDS = 300

STANDARD_ID, STANDARD_STAMP = "webhook-id", "webhook-timestamp"

# An unknown sender is compared with this, so that it takes as long to refuse as a wrong key.
_NOBODY = (Key("nobody", SecretStr(secrets.token_urlsafe(32))),)

_SECONDS = re.compile(r"[0-9]{1,11}")


def token(received: Received, keys: Sequence[Key], user: str | None) -> Key | None:
    """Return the key that is the bearer token, or the password where there is a user."""
    scheme, _, given = (received.header("authorization") or "").partition(" ")

    def fits(secret: str) -> bool:
        if user is None:
            return same(given.strip(), secret)
        pair = base64.b64encode(f"{user}:{secret}".encode()).decode()
        return same(given.strip(), pair)

    key = matching(keys, fits, received.at)
    return key if scheme.lower() == ("bearer" if user is None else "basic") else None


def decoy(received: Received) -> None:
    """Do for a sender that does not exist what is done for one with a wrong token."""
    token(received, _NOBODY, None)


def signature(received: Received, keys: Sequence[Key], scheme: Signature) -> Key | None:
    """Return the key of the signature that stands where the scheme says."""
    header = received.header(scheme.header) or ""
    if not header.startswith(scheme.prefix):
        return None
    given = [header.removeprefix(scheme.prefix)]
    if scheme.timestamp_header is None:
        return made_with(keys, given, received.body, received.at)
    stamp = received.header(scheme.timestamp_header)
    if stamp is None or not timely(stamp, received.at):
        return None
    return made_with(keys, given, stamp.encode() + b":" + received.body, received.at)


def made_with(keys: Sequence[Key], given: Sequence[str], signed: bytes, at: datetime) -> Key | None:
    """Return the key with which one of the given signatures was made, in lower-case hex."""

    def fits(secret: str) -> bool:
        made = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return sum(same(each, made) for each in given) > 0  # not any(): all are compared

    return matching(keys, fits, at)


def standard_webhooks(received: Received, keys: Sequence[Key]) -> Key | None:
    """Return the key with which Standard Webhooks' id, time and body were signed just now."""
    sender_id = received.header(STANDARD_ID)
    stamp = received.header(STANDARD_STAMP)
    given = (received.header("webhook-signature") or "").split(" ")
    if not sender_id or stamp is None or not timely(stamp, received.at):
        return None
    signed = f"{sender_id}.{stamp}.".encode("latin-1") + received.body

    def fits(secret: str) -> bool:
        key = base64.b64decode(secret.removeprefix(STANDARD_PREFIX) + "==")  # more is let be
        made = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        return sum(same(each, f"v1,{made}") for each in given) > 0  # not any(): all are compared

    return matching(keys, fits, received.at)


def timely(stamp: str | None, now: datetime) -> bool:
    """Return True if the text is a moment in Unix seconds, at most the tolerance away from now."""
    said = stamped(stamp)
    return said is not None and near(said, now)


def stamped(stamp: str | None) -> datetime | None:
    """Return the moment that the text is in Unix seconds, None where it is none."""
    if stamp is None or _SECONDS.fullmatch(stamp) is None:
        return None
    return datetime.fromtimestamp(int(stamp), UTC)


def near(said: datetime, now: datetime) -> bool:
    """Return True if the moments are at most the tolerance apart."""
    return abs((now - said).total_seconds()) <= TOLERANCE_SECONDS


def same(one: str, other: str) -> bool:
    """Compare digests: they are of one length, so that not even a key's length shows."""
    digests = (
        hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest() for text in (one, other)
    )
    return hmac.compare_digest(*digests)
