"""Standard Webhooks: id, time and body signed with a key that both sides have."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence

from cct_ops.config.sources import StandardWebhooksSource
from cct_ops.gateway.senders import authentication, fields, strict_json
from cct_ops.gateway.senders.keys import STANDARD_PREFIX, Key, matching
from cct_ops.gateway.senders.parsed_delivery import ParsedDelivery, Received

STAMP = "webhook-timestamp"


def verify(received: Received, keys: Sequence[Key]) -> Key | None:
    """Return the key of one of the signatures that were made in these minutes."""
    sender_id = received.header("webhook-id")
    stamp = received.header(STAMP)
    given = (received.header("webhook-signature") or "").split(" ")
    if not sender_id or stamp is None or not authentication.timely(stamp, received.at):
        return None
    signed = f"{sender_id}.{stamp}.".encode("latin-1") + received.body

    def fits(secret: str) -> bool:
        key = base64.b64decode(secret.removeprefix(STANDARD_PREFIX) + "==")  # more is let be
        made = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        return (
            sum(authentication.same(each, f"v1,{made}") for each in given) > 0
        )  # all are compared

    return matching(keys, fits, received.at)


def read(received: Received, source: StandardWebhooksSource) -> ParsedDelivery:
    """Return the alert of the body, by the declared paths."""
    document = strict_json.parse(received.body)
    sender_id = received.header("webhook-id") or ""
    return fields.read(document, source.fields, received.at, sender_id)
