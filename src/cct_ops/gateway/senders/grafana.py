"""
Grafana's webhook contact point: Alertmanager's alerts, signed.

The source says whether the time is signed too, and only that form is let in: were both accepted,
whoever captured a body would take the header away and replay it for ever.
"""

from __future__ import annotations

from collections.abc import Sequence

from cct_ops.config.sources import GrafanaSource
from cct_ops.gateway.senders import alertmanager, authentication
from cct_ops.gateway.senders.keys import Key
from cct_ops.gateway.senders.parsed_delivery import ParsedDelivery, Received

_VERSIONS = ("1", "4")  # its own, and that of its OnCall, which speaks like Alertmanager


def verify(received: Received, keys: Sequence[Key], source: GrafanaSource) -> Key | None:
    """Return the key of the signature."""
    given = received.header(source.signature_header)
    if given is None:
        return None
    if source.timestamp_header is None:
        return authentication.signature(received, keys, [given])
    stamp = received.header(source.timestamp_header)
    if stamp is None or not authentication.timely(stamp, received.at):
        return None
    return authentication.signature(received, keys, [given], stamp)


def read(body: bytes) -> ParsedDelivery:
    """Return the alerts of a body; raises ``UnknownShape`` for what is not such a body."""
    return alertmanager.read(body, _VERSIONS)
