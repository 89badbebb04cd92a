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
    Signature,
    Source,
    StandardWebhooksSource,
)
from cct_ops.gateway.senders import (
    alertmanager,
    authentication,
    cloudevents,
    fields,
    github,
    pagerduty,
)
from cct_ops.gateway.senders.keys import Key
from cct_ops.gateway.senders.parsed_delivery import ParsedDelivery, Received, UnknownShape


def signs(source: Source) -> bool:
    """Return True if the body is signed, so that it must be read before its sender is known."""
    other = isinstance(source, PagerDutySource | StandardWebhooksSource)
    return other or _scheme(source) is not None


def verify(received: Received, keys: Sequence[Key], source: Source) -> Key | None:
    """Return the key that proves the sender, None for somebody else."""
    scheme = _scheme(source)
    if scheme is not None:
        return authentication.signature(received, keys, scheme)
    match source:
        case PagerDutySource():
            return pagerduty.verify(received, keys)
        case StandardWebhooksSource():
            return authentication.standard_webhooks(received, keys)
        case AlertmanagerSource() | JsonSource():
            return authentication.token(received, keys, source.user)
        case CloudEventsSource():
            return authentication.token(received, keys, None)
        case _:
            return None  # a kind that is not named here lets nobody in


def _scheme(source: Source) -> Signature | None:
    """
    Return where the one signature in hex stands that counts; None for who proves it otherwise.

    Grafana's source says whether the time is signed too. Were both forms let in, whoever captured a
    body would take the header away and replay it for ever.
    """
    match source:
        case GrafanaSource(signature_header=header, timestamp_header=stamp):
            return Signature(header=header, timestamp_header=stamp)
        case GitHubSource():
            return github.SIGNATURE
        case JsonSource():
            return source.signature
        case _:
            return None


def clock_off(received: Received, keys: Sequence[Key], source: Source) -> float | None:
    """Return how many seconds a request is off that is refused for its time alone; else None."""
    scheme = _scheme(source)
    header = scheme.timestamp_header if scheme else None
    if isinstance(source, StandardWebhooksSource):
        header = authentication.STANDARD_STAMP
    said = None if header is None else authentication.stamped(received.header(header))
    if said is None or authentication.near(said, received.at):
        return None
    then = verify(replace(received, at=said), keys, source)
    return None if then is None else abs((received.at - said).total_seconds())


def read(received: Received, source: Source) -> ParsedDelivery:  # noqa: PLR0911 -- one for each kind
    """Return the alerts; raises ``UnknownShape`` for what cannot be understood."""
    try:
        match source:
            case AlertmanagerSource():
                return alertmanager.read(received.body)
            case GrafanaSource():
                return alertmanager.read(received.body, alertmanager.GRAFANA_VERSIONS)
            case PagerDutySource():
                return pagerduty.read(received.body)
            case GitHubSource():
                return github.read(received)
            case CloudEventsSource():
                return cloudevents.read(received, source)
            case StandardWebhooksSource():
                sender_id = received.header(authentication.STANDARD_ID) or ""
                return fields.read(received, source.fields, sender_id)
            case JsonSource():
                return fields.read(received, source.fields)
    except UnknownShape:
        packed = received.header("content-encoding") or "identity"
        if packed.strip().lower() == "identity":
            raise
        raise UnknownShape(
            "the body is compressed, and nothing is unpacked here: let the sender send it as it is"
        ) from None
