"""
CloudEvents 1.0 over HTTP, in all three forms: structured, binary and batched.

Each form becomes the same document, the event as JSON, before anything is read from it. Declared
paths start there: ``type``, ``subject``, ``data.state``. Its source and id name the delivery; the
events of a batch are judged one by one. What an event does not say is not filled in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from cct_ops.config.sources import CloudEventsSource
from cct_ops.gateway.senders import fields, strict_json
from cct_ops.gateway.senders.parsed_delivery import Odd, ParsedDelivery, Received, UnknownShape
from cct_ops.gateway.senders.strict_json import Fraction, Json

BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"

_VERSION = "1.0"
_REQUIRED = ("specversion", "id", "source", "type")
_JSON = re.compile(r"[^/]+/(?:json|[^/]*\+json)")
_NO_ATTRIBUTE = frozenset({"data", "data_base64", "datacontenttype"})
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_PERCENT_ENCODED = re.compile(rb"(?:[^%]|%[0-9A-Fa-f]{2})*", re.DOTALL)

Event = Mapping[str, Json]


def read(received: Received, source: CloudEventsSource) -> ParsedDelivery:
    """Return the alerts of one event, or of all of a batch."""
    document = _sent(received)
    events = document if isinstance(document, list) else [document]
    names: list[str] = []
    items: list[tuple[str, Json, str]] = []
    for index, each in enumerate(events):
        where = f"event {index}: " if isinstance(document, list) else ""
        try:
            event = _checked(each)
            listed = fields.listed(event, source.fields)
        except UnknownShape as error:
            items.append((where, error, ""))
            continue
        names.append(f"{event['source']}\n{event['id']}")
        items += [(f"{where}{place}", item, names[-1]) for place, item in listed]
    named = names[0] if len(names) == len(events) == 1 else json.dumps(names)
    sender_id = hashlib.sha256(named.encode()).hexdigest()
    time = ("time", "$.time")
    return fields.read_each(items, source.fields, received.at, sender_id, optional=time)


def _sent(received: Received) -> Json:
    """Return the event, or the list of a batch, as one document whatever its form was."""
    called = received.media_type
    if called.startswith("application/cloudevents") and called not in {STRUCTURED, BATCH}:
        raise UnknownShape("an event format that is not JSON")
    if called not in {STRUCTURED, BATCH} and any(n.startswith("ce-") for n, _ in received.headers):
        return _of_headers(received)
    document = strict_json.parse(received.body)
    if called == STRUCTURED and isinstance(document, list):
        raise UnknownShape("an event is an object")
    if called == BATCH and not isinstance(document, list):
        raise UnknownShape("a batch is a list of events")
    return document


def _of_headers(received: Received) -> Event:
    """Return the event of a request in binary form: its data is the whole body."""
    event: dict[str, Json] = {}
    for header, value in received.headers:
        name = header.removeprefix("ce-")
        if name == header or name in _NO_ATTRIBUTE:
            continue
        event[name] = Odd("is there twice") if name in event else _decoded(value)
    called = received.header("content-type")
    if called:
        event["datacontenttype"] = called
    return {**event, "data": _content(received.body, called)}


def _decoded(value: str) -> str:
    """
    Return an attribute as HTTP's binding has it: quotes taken away, then percent-decoded once.

    A value in which a percent sign begins no code, or in which the codes are no UTF-8, was written
    by a sender that does not encode: it stands as it is.
    """
    raw = value.encode("latin-1")
    if _QUOTED.fullmatch(raw):
        raw = re.sub(rb"\\(.)", rb"\1", raw[1:-1], flags=re.DOTALL)
    plain = unquote_to_bytes(raw) if _PERCENT_ENCODED.fullmatch(raw) else raw
    for each in (plain, raw):
        try:
            return each.decode()
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def _checked(document: Json) -> Event:
    """Return the event once it is one, with its data in the form in which it is read."""
    if isinstance(document, Odd):
        raise UnknownShape(document.reason)
    if not isinstance(document, Mapping):
        raise UnknownShape("an event is an object")
    for name in _REQUIRED:
        said = document.get(name)
        if not strict_json.scalar(document, name) or type(said) is not str:
            raise UnknownShape(f"{name}: is missing, and each event has one as a text")
    if document["specversion"] != _VERSION:
        raise UnknownShape(f"specversion: is not {_VERSION}")
    return {**document, "data": _data(document)}


def _data(document: Event) -> Json:
    """Return what ``data`` or ``data_base64`` says."""
    called = strict_json.scalar(document, "datacontenttype")
    data, packed = document.get("data"), document.get("data_base64")
    if packed is None:
        # A text that is not called JSON stands for the very bytes of the binary form.
        is_text = isinstance(data, str) and not isinstance(data, Fraction)
        if called and not _is_json(called) and is_text:
            return _content((strict_json.scalar(document, "data") or "").encode(), called)
        return data
    if data is not None:
        raise UnknownShape("data and data_base64 are both there")
    try:
        raw = base64.b64decode(strict_json.scalar(document, "data_base64") or "", validate=True)
    except (ValueError, binascii.Error):
        raise UnknownShape("data_base64: is not base64") from None
    return _content(raw, called)


def _content(raw: bytes, called: str | None) -> Json:
    """
    Read the bytes of an event's data by what they are called.

    Where that is not JSON, an object or a list in JSON is read all the same: nothing else looks
    like it. Everything else is text.
    """
    if not raw:
        return None
    if called and _is_json(called):
        return strict_json.parse(raw)
    try:
        document = strict_json.parse(raw)
    except UnknownShape:
        document = None
    if isinstance(document, Mapping | list):
        return document
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Odd("is made of bytes that are no text")


def _is_json(called: str) -> bool:
    return _JSON.fullmatch(called.partition(";")[0].strip().lower()) is not None
