"""
Standard Webhooks: id, time and body signed with a key that both sides have.

The library computes the signature; comparing is done here, because its own check decodes what is
given, and one signature then has several spellings.
"""

from __future__ import annotations

from collections.abc import Sequence

from standardwebhooks.webhooks import Webhook

from cct_ops.gateway import fields, proofs, strict_json
from cct_ops.gateway.keys import Key, matching
from cct_ops.gateway.reading import Reading, Received
from cct_ops.models.source import StandardWebhooksSource


def verify(received: Received, keys: Sequence[Key]) -> Key | None:
    """Return the key of one of the signatures that were made in these minutes."""
    sender_id = received.header("webhook-id")
    stamp = received.header("webhook-timestamp")
    given = (received.header("webhook-signature") or "").split(" ")
    if not sender_id or stamp is None or not proofs.timely(stamp, received.at):
        return None
    try:
        body = received.body.decode()
    except UnicodeDecodeError:
        return None
    moment = proofs.in_time(int(stamp))
    if str(int(stamp)) != stamp:
        return None  # a leading zero would be another text than the one that was signed

    def fits(secret: str) -> bool:
        made = Webhook(secret).sign(sender_id, moment, body)
        return sum(proofs.same(each, made) for each in given) > 0  # not any(): all are compared

    return matching(keys, fits, received.at)


def read(received: Received, source: StandardWebhooksSource) -> Reading:
    """Return the alert of the body, by the declared paths."""
    sender_id = received.header("webhook-id") or ""
    document = strict_json.parse(received.body)
    found = fields.alert(document, source.fields, received.at, message=sender_id)
    return Reading((found,) if found else (), sender_id=sender_id)
