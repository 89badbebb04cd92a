"""Paths into a sender's own JSON: members, places in a list, and lists of alerts."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from cct_ops.config.source_fields import Fields
from cct_ops.gateway.senders import kinds
from cct_ops.gateway.senders.parsed_delivery import ParsedDelivery, UnknownShape
from cct_ops.models.alert import Alert
from tests.gateway.delivering import BATCH
from tests.gateway.signing import EVENT_FIELDS, FIELDS, SOURCES, Sent, sign

ALERT = {"state": "open", "id": 1, "at": "2026-11-23T12:00:00Z", "name": "X"}


def read(content: object, changes: Mapping[str, object], kind: str = "json") -> ParsedDelivery:
    """Read a body by paths that differ from the usual ones."""
    base: Mapping[str, object] = EVENT_FIELDS if kind == "cloudevents" else FIELDS
    made = Fields.model_validate({**base, **changes})
    source = SOURCES[kind].model_copy(update={"fields": made})
    body = json.dumps(content).encode()
    headers = sign(kind, body) | ({"content-type": BATCH} if isinstance(content, list) else {})
    return kinds.read(Sent(source, headers, body).received, source)


def routes(found: ParsedDelivery) -> list[str | None]:
    """Return the label that stands in for all of what was read."""
    return [each.labels.get("route") for each in found.alerts]


def test_a_path_can_name_a_place_in_a_list() -> None:
    """Counted from nought, at any depth."""
    content = ALERT | {"data": {"alerts": [{"labels": {"route": "/daily-summary"}}, {}]}}
    deep = ALERT | {"a": [[{"b": ["x", "/weekly-review"]}]]}

    path = {"alertname": "name", "route": "data.alerts[0].labels.route"}
    assert routes(read(content, {"labels": path})) == ["/daily-summary"]
    path = {"alertname": "name", "route": "a[0][0].b[1]"}
    assert routes(read(deep, {"labels": path})) == ["/weekly-review"]


@pytest.mark.parametrize("path", ["data.alerts[1].labels.route", "data[0].x", "name[0]", "none[0]"])
def test_a_place_that_is_not_there_is_nothing(path: str) -> None:
    """Like a member that is missing: the label is not there, and the alert is."""
    content = ALERT | {"data": {"alerts": [{}]}}

    assert routes(read(content, {"labels": {"alertname": "name", "route": path}})) == [None]


@pytest.mark.parametrize(
    "path", ["a[", "a[]", "a[-1]", "a[x]", "a[0]b", "[0]", "a..b", "a.", "a[00001]", "a[*].b", ""]
)
def test_a_path_that_says_nothing_is_refused_at_load(path: str) -> None:
    with pytest.raises(ValidationError, match=r"labels\.route"):
        Fields.model_validate(FIELDS | {"labels": {"alertname": "name", "route": path}})


LISTED = {
    "each": "data.alerts",
    "status": "state",
    "incident": ["$.data.tenant", "id"],
    "starts_at": "at",
    "labels": {"alertname": "name", "route": "labels.route", "tenant": "$.data.tenant"},
}


def listed(*alerts: object) -> dict[str, object]:
    """Return one body with several alerts."""
    return {"data": {"tenant": "eu", "alerts": list(alerts)}}


def test_each_alert_of_a_list_is_one() -> None:
    """Paths start at the alert, and at the whole body behind a dollar sign."""
    found = read(
        listed(
            ALERT | {"labels": {"route": "/daily-summary"}},
            ALERT | {"id": 2, "state": "closed", "labels": {"route": "/weekly-review"}},
            ALERT | {"id": 3, "state": "test"},
        ),
        LISTED,
    )

    assert routes(found) == ["/daily-summary", "/weekly-review"]
    assert [each.status for each in found.alerts] == ["firing", "resolved"]
    assert {each.labels["tenant"] for each in found.alerts} == {"eu"}
    assert len({each.key for each in found.alerts}) == 2


def test_an_odd_alert_of_a_list_stands_alone() -> None:
    """Its good neighbours are taken in, and the note says which one was not."""
    found = read(listed(ALERT, 7, ALERT | {"state": "puzzled"}, ALERT | {"id": 4}), LISTED)

    assert len(found.alerts) == 2
    assert found.in_part
    assert "data.alerts[1]" in (found.note or "")
    assert "data.alerts[2]" in (found.note or "")


@pytest.mark.parametrize("content", [{}, {"data": {"alerts": {}}}, {"data": {"alerts": "x"}}])
def test_a_body_without_its_list_is_not_understood(content: object) -> None:
    """It is not one that the source declares."""
    with pytest.raises(UnknownShape, match=r"data\.alerts"):
        read(content, LISTED)


def test_an_event_can_hold_a_list_of_alerts() -> None:
    """Also in a batch."""
    data = {"alerts": [{"name": "X", "route": "/daily-summary", "n": n} for n in range(2)]}
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "open", "data": data}
    declared = {
        "each": "data.alerts",
        "status": "$.type",
        "incident": ["$.source", "n"],
        "starts_at": "$.time",
        "labels": {"alertname": "name", "route": "route"},
    }

    def keys(content: object) -> list[str]:
        alerts: tuple[Alert, ...] = read(content, declared, "cloudevents").alerts
        return [each.key for each in alerts]

    assert len(set(keys(event))) == 2
    found = read([event, event | {"id": ""}], declared, "cloudevents")
    assert [each.labels["route"] for each in found.alerts] == ["/daily-summary"] * 2
    assert "event 1: id" in (found.note or "")


def test_an_event_of_a_batch_that_has_no_id_is_set_aside_alone() -> None:
    """What is made up differs with each copy; its neighbours are as good as they were."""
    event = {"specversion": "1.0", "source": "/s", "type": "open", "subject": "thing"}
    nameless = event | {"data": {"name": "X"}}
    found = read([nameless, nameless | {"id": "2"}], {}, "cloudevents")

    assert [each.message for each in found.alerts] == ["open\n/s\n2"]
    assert found.in_part
    assert "event 0: id" in (found.note or "")


@pytest.mark.parametrize("path", ["$.data.tenant", "$.x"])
def test_the_whole_body_is_named_only_beside_a_list(path: str) -> None:
    """Elsewhere every path starts there."""
    with pytest.raises(ValidationError, match="there is no each: here"):
        Fields.model_validate(FIELDS | {"labels": {"alertname": path}})


def test_a_message_can_have_its_name_in_the_alert_or_in_the_body() -> None:
    content = listed(ALERT | {"m": "a"}, ALERT | {"m": "b"}) | {"id": "whole"}
    by_alert = read(content, LISTED | {"delivery": "m"})
    by_body = read(content, LISTED | {"delivery": "$.id"})

    assert [each.message for each in by_alert.alerts] == ["open\na", "open\nb"]
    assert [each.message for each in by_body.alerts] == ["open\nwhole"] * 2
    assert by_body.sender_id == "whole"
