"""
CloudEvents 1.0 over HTTP, in all three forms: structured, binary and batched.

Declared paths start at the event: ``type``, ``subject``, ``data.state``. Its source and id name the
delivery; the events of a batch are judged one by one, and are stored together or not at all.
What an event does not say is not filled in: the library would invent an id and a time, and these
differ with each copy.
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

_REQUIRED = ("specversion", "id", "source", "type")


def verify(received: Received, keys: Sequence[Key]) -> Key | None:
    """Return the key that the sender showed as its bearer token."""
    return proofs.token(received, keys, None)


def read(received: Received, source: CloudEventsSource) -> Reading:
    """Return the alerts of one event, or of all of a batch."""
    events = _events(received)
    names = [f"{each['source']}\n{each['id']}" for each in events]
    found = [
        fields.alert(each, source.fields, received.at, message=name, optional=("time",))
        for each, name in zip(events, names, strict=True)
    ]
    sender_id = names[0] if len(names) == 1 else json.dumps(names)
    return Reading(
        tuple(alert for alert in found if alert is not None),
        sender_id=hashlib.sha256(sender_id.encode()).hexdigest(),
    )


def _events(received: Received) -> list[dict[str, Json]]:
    content_type = (received.header("content-type") or "").partition(";")[0].strip().lower()
    document = strict_json.parse(received.body)
    try:
        if content_type == BATCH:
            if not isinstance(document, list) or not all(isinstance(e, Mapping) for e in document):
                raise UnknownShape("a batch is a list of events")
            return [_document(from_dict(_complete(event)), event) for event in document]
        if content_type == STRUCTURED and not isinstance(document, Mapping):
            raise UnknownShape("an event is an object")
        headers = {name: value for name, value in received.headers if received.header(name)}
        said = _complete(_attributes(headers, document))
        return [_document(from_http(headers, received.body), said)]
    except GenericException as error:
        raise UnknownShape(f"not a CloudEvent: {type(error).__name__}") from None


def _attributes(headers: Mapping[str, str], document: Json) -> Mapping[str, Json]:
    """Return what the sender itself said: the headers of the binary form, or the document."""
    if "ce-specversion" not in headers and isinstance(document, Mapping):
        return document
    return {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}


def _complete(said: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return what was said if it is all that the specification requires."""
    for name in _REQUIRED:
        if not isinstance(said.get(name), str) or not said[name]:
            raise UnknownShape(f"{name}: is missing, and an event needs it")
    if said["specversion"] != "1.0":
        raise UnknownShape("specversion: only 1.0 is understood here")
    return said


def _document(event: CloudEvent, said: Mapping[str, Json]) -> dict[str, Json]:
    found = {name: value for name, value in event.get_attributes().items() if name in said}
    return {**found, "data": event.get_data()}
