"""The same event says the same in each of its three forms."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings, strategies as st

from cct_ops.config.source_fields import Fields
from cct_ops.config.sources import CloudEventsSource
from cct_ops.gateway.senders import kinds
from cct_ops.gateway.senders.parsed_delivery import ParsedDelivery, Received, UnknownShape
from evaluation.soak.rules import cases
from tests.gateway.signing import EVENT_FIELDS, NOW, SOURCES, Sent

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
JSON = "application/json"

EVERYTHING = SOURCES["cloudevents"].model_copy(
    update={
        "fields": Fields.model_validate(
            EVENT_FIELDS
            | {
                "labels": {"data": "data.value", "subject": "subject", "more": "more"},
                "annotations": {"whole": "data.note"},
            }
        )
    }
)
OF_TEXT = SOURCES["cloudevents"].model_copy(
    update={"fields": Fields.model_validate(EVENT_FIELDS | {"labels": {"data": "data"}})}
)


def reading(source: object, body: bytes, headers: dict[str, str]) -> ParsedDelivery:
    """Return what one request says."""
    assert isinstance(source, CloudEventsSource)
    request = Sent(source, headers, body, at=NOW)
    return kinds.read(request.received, request.source)


def binary(event: dict[str, str], data: bytes, called: str | None) -> tuple[bytes, dict[str, str]]:
    """Return the event as HTTP's binding has it: a header for each attribute, percent-encoded."""
    safe = "".join(chr(n) for n in range(0x21, 0x7F) if chr(n) not in '%"')
    headers = {f"ce-{name}": quote(value, safe=safe) for name, value in event.items()}
    return data, headers | ({"content-type": called} if called else {})


def structured(event: dict[str, str], members: str) -> bytes:
    """Return the event as one document; the members are JSON as it is written."""
    return f"{json.dumps(event)[:-1]}, {members}}}".encode()


def alike(
    source: object, event: dict[str, str], members: str, data: bytes, called: str
) -> ParsedDelivery:
    """Read the event in all three forms, and in its packed one, and return what all of them say."""
    document = structured(event | {"datacontenttype": called}, members)
    packed = f'"data_base64": "{base64.b64encode(data).decode()}"'
    said = [
        reading(source, document, {"content-type": STRUCTURED}),
        reading(source, b"[" + document + b"]", {"content-type": BATCH}),
        reading(source, *binary(event, data, called)),
        reading(
            source,
            structured(event | {"datacontenttype": called}, packed),
            {"content-type": STRUCTURED},
        ),
    ]
    assert [each.alerts for each in said] == [said[0].alerts] * 4
    assert {each.sender_id for each in said} == {said[0].sender_id}
    return said[0]


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(str.strip)
NUMBERS = st.one_of(
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str).filter(lambda text: text != "-0"),
    st.sampled_from(["0.1", "1e400", "9007199254740993", "1.50", "3E+7"]),
)
EVENTS = st.fixed_dictionaries(
    {
        "specversion": st.just("1.0"),
        "id": TEXTS,
        "source": TEXTS,
        "type": st.just("open"),
        "time": st.just("2026-11-23T23:29:46.931976Z"),
        "subject": TEXTS,
    },
    optional={"more": TEXTS},
)


@settings(max_examples=cases("events", 100), deadline=None)
@given(event=EVENTS, value=st.one_of(TEXTS.map(json.dumps), NUMBERS), note=TEXTS)
def test_an_event_in_three_forms_is_one_and_the_same(
    event: dict[str, str], value: str, note: str
) -> None:
    """Its attributes, whatever is in them, and its data with each digit."""
    data = f'{{"value": {value}, "note": {json.dumps(note)}}}'
    (alert,) = alike(EVERYTHING, event, f'"data": {data}', data.encode(), JSON).alerts

    assert alert.labels["subject"] == event["subject"]
    assert alert.labels.get("more") == event.get("more")
    assert alert.labels["data"] == (json.loads(value) if value.startswith('"') else value)
    assert alert.annotations["whole"] == note


@settings(max_examples=cases("events", 50), deadline=None)
@given(event=EVENTS, text=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_data_that_is_called_text_is_the_same_text_in_three_forms(
    event: dict[str, str], text: str
) -> None:
    members = f'"data": {json.dumps(text)}'
    try:
        (alert,) = alike(OF_TEXT, event, members, text.encode(), "text/plain").alerts
    except UnknownShape:
        assert text[0] in "[{"  # a document of JSON is read as what it is
    else:
        assert alert.labels["data"] == text


EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/s",
    "type": "open",
    "time": "2026-11-23T23:29:46Z",
    "subject": "s",
}
DATA = b'{"name": "X", "route": "/daily-summary"}'


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("%E2%82%AC", "\N{EURO SIGN}"),
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \N{EURO SIGN} \N{GRINNING FACE}"),
        ("%e2%82%ac", "\N{EURO SIGN}"),
        ("%25E2%2582%25AC", "%E2%82%AC"),
        ("%2541", "%41"),
        ("a+b", "a+b"),
        ('"a \\"b\\" %41"', 'a "b" A'),
        ("100%", "100%"),
        ("%ZZ%41", "%ZZ%41"),
        ("%FF", "%FF"),
        ("\N{EURO SIGN}".encode().decode("latin-1"), "\N{EURO SIGN}"),
        ("\xe9", "\xe9"),
    ],
)
def test_an_attribute_in_a_header_is_decoded_once(written: str, meant: str) -> None:
    """What cannot have been encoded stands as it was written."""
    body, headers = binary(EVENT, DATA, JSON)
    (alert,) = reading(EVERYTHING, body, headers | {"ce-subject": written}).alerts

    assert alert.labels["subject"] == meant


@pytest.mark.parametrize(
    "called",
    [
        None,
        "",
        "text/plain",
        "application/octet-stream",
        "application/xml",
        "application/vnd.x+json; charset=utf-8",
        "TEXT/JSON",
        "application/x-www-form-urlencoded",
    ],
)
def test_a_binary_event_is_read_whatever_its_data_is_called(called: str | None) -> None:
    (alert,) = reading(SOURCES["cloudevents"], *binary(EVENT, DATA, called)).alerts

    assert alert.labels == {"alertname": "X", "route": "/daily-summary"}


@pytest.mark.parametrize("data", [b"", b"<x/>", b"\xff\xfe", b"plain"])
def test_an_event_whose_attributes_say_all_needs_no_data_that_is_json(data: bytes) -> None:
    source = SOURCES["cloudevents"].model_copy(
        update={"fields": Fields.model_validate(EVENT_FIELDS | {"labels": {"what": "subject"}})}
    )
    (alert,) = reading(source, *binary(EVENT, data, "application/xml")).alerts

    assert alert.labels == {"what": "s"}


def test_an_event_without_a_time_counts_from_its_receipt() -> None:
    """The sender said none; our clock is not the sender's word, and a copy is a copy."""
    timeless = {name: value for name, value in EVENT.items() if name != "time"}
    (alert,) = alike(EVERYTHING, timeless, f'"data": {DATA.decode()}', DATA, JSON).alerts

    assert alert.undated


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (DATA, binary({k: v for k, v in EVENT.items() if k != "id"}, DATA, JSON)[1]),
        (DATA, binary(EVENT | {"specversion": "1.1"}, DATA, JSON)[1]),
        (b'{"a":', binary(EVENT, b"", JSON)[1]),
        (structured(EVENT, '"data": {}, "data_base64": "e30="'), {"content-type": STRUCTURED}),
        (structured(EVENT, '"data_base64": "e3"'), {"content-type": STRUCTURED}),
        (structured(EVENT, '"data_base64": {}'), {"content-type": STRUCTURED}),
        (structured(EVENT, '"data": {}'), {"content-type": "application/cloudevents+avro"}),
        (structured(EVENT, '"data": {}'), {"content-type": BATCH}),
        (b"[]", {"content-type": STRUCTURED}),
    ],
)
def test_what_is_no_event_is_said(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(UnknownShape):
        reading(SOURCES["cloudevents"], body, headers)


def test_an_attribute_that_is_there_twice_is_believed_in_neither_form() -> None:
    body, headers = binary(EVENT, DATA, JSON)
    received = Sent(SOURCES["cloudevents"], headers, body).received
    twice = Received((*received.headers, ("ce-subject", "other")), body, NOW)

    with pytest.raises(UnknownShape, match="subject: is there twice"):
        kinds.read(twice, SOURCES["cloudevents"])
