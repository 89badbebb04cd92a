"""Any other sender of JSON, by the paths and the one scheme that its source declares."""

from __future__ import annotations

from collections.abc import Sequence

from cct_ops.config.sources import JsonSource
from cct_ops.gateway.senders import authentication, fields, strict_json
from cct_ops.gateway.senders.keys import Key
from cct_ops.gateway.senders.parsed_delivery import ParsedDelivery, Received


def verify(received: Received, keys: Sequence[Key], source: JsonSource) -> Key | None:
    """Return the key that the sender showed or signed with."""
    scheme = source.signature
    if scheme is None:
        return authentication.token(received, keys, source.user)
    header = received.header(scheme.header) or ""
    if not header.startswith(scheme.prefix) or not header:
        return None
    given = [header.removeprefix(scheme.prefix)]
    if scheme.timestamp_header is None:
        return authentication.signature(received, keys, given)
    stamp = received.header(scheme.timestamp_header)
    if stamp is None or not authentication.timely(stamp, received.at):
        return None
    return authentication.signature(received, keys, given, stamp)


def read(received: Received, source: JsonSource) -> ParsedDelivery:
    """Return the alert of the body by the declared paths, or those of a list of such bodies."""
    document = strict_json.parse(received.body)
    name = fields.name(document, source.fields)
    return fields.read(document, source.fields, received.at, name)
