"""Authenticates and parses each kind of sender: one case for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cct_ops.config.sources import (
    AlertmanagerSource,
    CloudEventsSource,
    GitHubSource,
    GrafanaSource,
    JsonSource,
    PagerDutySource,
    Source,
    StandardWebhooksSource,
)
from cct_ops.gateway.senders import (
    alertmanager,
    authentication,
    cloudevents,
    generic_json,
    github,
    grafana,
    pagerduty,
    standard_webhooks,
)
from cct_ops.gateway.senders.keys import Key
from cct_ops.gateway.senders.parsed_delivery import ParsedDelivery, Received, UnknownShape


def signs(source: Source) -> bool:
    """Return True if the body is signed, so that it must be read before its sender is known."""
    match source:
        case AlertmanagerSource() | CloudEventsSource():
            return False
        case JsonSource():
            return source.signature is not None
        case _:
            return True


def verify(  # noqa: PLR0911 -- one for each kind
    received: Received, keys: Sequence[Key], source: Source
) -> Key | None:
    """Return the key that proves the sender, None for somebody else."""
    match source:
        case AlertmanagerSource():
            return alertmanager.verify(received, keys, source)
        case GrafanaSource():
            return grafana.verify(received, keys, source)
        case PagerDutySource():
            return pagerduty.verify(received, keys)
        case GitHubSource():
            return github.verify(received, keys)
        case CloudEventsSource():
            return cloudevents.verify(received, keys)
        case StandardWebhooksSource():
            return standard_webhooks.verify(received, keys)
        case JsonSource():
            return generic_json.verify(received, keys, source)


def clock_off(received: Received, keys: Sequence[Key], source: Source) -> float | None:
    """Return how many seconds a request is off that is refused for its time alone; else None."""
    match source:
        case GrafanaSource():
            header = source.timestamp_header
        case StandardWebhooksSource():
            header = standard_webhooks.STAMP
        case JsonSource():
            header = source.signature.timestamp_header if source.signature else None
        case _:
            header = None
    said = None if header is None else authentication.stamped(received.header(header))
    if said is None or authentication.near(said, received.at):
        return None
    then = verify(replace(received, at=said), keys, source)
    return None if then is None else abs((received.at - said).total_seconds())


def read(received: Received, source: Source) -> ParsedDelivery:
    """Return the alerts; raises ``UnknownShape`` for what cannot be understood."""
    try:
        return _read(received, source)
    except UnknownShape:
        packed = received.header("content-encoding") or "identity"
        if packed.strip().lower() == "identity":
            raise
        raise UnknownShape(
            "the body is compressed, and nothing is unpacked here: let the sender send it as it is"
        ) from None


def _read(received: Received, source: Source) -> ParsedDelivery:  # noqa: PLR0911 -- one for each kind
    match source:
        case AlertmanagerSource():
            return alertmanager.read(received.body)
        case GrafanaSource():
            return grafana.read(received.body)
        case PagerDutySource():
            return pagerduty.read(received.body)
        case GitHubSource():
            return github.read(received)
        case CloudEventsSource():
            return cloudevents.read(received, source)
        case StandardWebhooksSource():
            return standard_webhooks.read(received, source)
        case JsonSource():
            return generic_json.read(received, source)
