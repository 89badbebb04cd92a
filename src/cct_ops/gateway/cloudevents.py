"""
CloudEvents 1.0 over HTTP, in all three forms: structured, binary and batched.

Declared paths start at the event: ``type``, ``subject``, ``data.state``. Its source and id name the
delivery; the events of a batch are judged one by one, and are stored together or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from cloudevents.exceptions import GenericException
from cloudevents.http import CloudEvent, from_dict, from_http

from cct_ops.gateway import fields, proofs, strict_json
from cct_ops.gateway.keys import Key
from cct_ops.gateway.reading import Reading, Received, UnknownShape
from cct_ops.gateway.strict_json import Json
from cct_ops.models.source import CloudEventsSource

BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"


def verify(received: Received, keys: Sequence[Key]) -> Key | None:
    """Return the key that the sender showed as its bearer token."""
    return proofs.token(received, keys, None)


def read(received: Received, source: CloudEventsSource) -> Reading:
    """Return the alerts of one event, or of all of a batch."""
    events = [_document(each) for each in _events(received)]
    found = [fields.alert(each, source.fields, received.at) for each in events]
    names = [f"{each['source']}\n{each['id']}" for each in events]
    sender_id = names[0] if len(names) == 1 else json.dumps(names)
    return Reading(
        tuple(alert for alert in found if alert is not None),
        sender_id=hashlib.sha256(sender_id.encode()).hexdigest(),
    )


def _events(received: Received) -> list[CloudEvent]:
    content_type = (received.header("content-type") or "").partition(";")[0].strip().lower()
    document = strict_json.parse(received.body)
    try:
        if content_type == BATCH:
            if not isinstance(document, list) or not all(isinstance(e, Mapping) for e in document):
                raise UnknownShape("a batch is a list of events")
            return [from_dict(event) for event in document]
        if content_type == STRUCTURED and not isinstance(document, Mapping):
            raise UnknownShape("an event is an object")
        headers = {name: value for name, value in received.headers if received.header(name)}
        return [from_http(headers, received.body)]
    except GenericException as error:
        raise UnknownShape(f"not a CloudEvent: {type(error).__name__}") from None


def _document(event: CloudEvent) -> dict[str, Json]:
    return {**event.get_attributes(), "data": event.get_data()}
