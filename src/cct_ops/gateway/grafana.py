"""
Grafana's webhook contact point: Alertmanager's alerts, signed.

The source says whether the time is signed too, and only that form is let in: were both accepted,
whoever captured a body would take the header away and replay it for ever.
"""

from __future__ import annotations

from collections.abc import Sequence

from cct_ops.gateway import alertmanager, proofs
from cct_ops.gateway.keys import Key
from cct_ops.gateway.reading import Reading, Received
from cct_ops.models.source import GrafanaSource

_VERSIONS = ("1", "4")  # its own, and that of its OnCall, which speaks like Alertmanager


def verify(received: Received, keys: Sequence[Key], source: GrafanaSource) -> Key | None:
    """Return the key of the signature."""
    given = received.header(source.signature_header)
    if given is None:
        return None
    if source.timestamp_header is None:
        return proofs.signature(received, keys, [given])
    stamp = received.header(source.timestamp_header)
    if stamp is None or not proofs.timely(stamp, received.at):
        return None
    return proofs.signature(received, keys, [given], stamp)


def read(body: bytes) -> Reading:
    """Return the alerts of a body; raises ``UnknownShape`` for what is not such a body."""
    return alertmanager.read(body, _VERSIONS)
