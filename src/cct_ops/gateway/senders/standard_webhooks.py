"""Standard Webhooks: id, time and body signed with a key that both sides have."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence

from cct_ops.gateway.senders import authentication
from cct_ops.gateway.senders.keys import STANDARD_PREFIX, Key, matching
from cct_ops.gateway.senders.parsed_delivery import Received

NAME = "webhook-id"
STAMP = "webhook-timestamp"


def verify(received: Received, keys: Sequence[Key]) -> Key | None:
    """Return the key of one of the signatures that were made in these minutes."""
    sender_id = received.header(NAME)
    stamp = received.header(STAMP)
    given = (received.header("webhook-signature") or "").split(" ")
    if not sender_id or stamp is None or not authentication.timely(stamp, received.at):
        return None
    signed = f"{sender_id}.{stamp}.".encode("latin-1") + received.body

    def fits(secret: str) -> bool:
        key = base64.b64decode(secret.removeprefix(STANDARD_PREFIX) + "==")  # more is let be
        made = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        # not any(): all are compared
        return sum(authentication.same(each, f"v1,{made}") for each in given) > 0

    return matching(keys, fits, received.at)
