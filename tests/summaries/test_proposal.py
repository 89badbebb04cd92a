"""A schema that takes in new fields, and when it may be called backward compatible."""

from __future__ import annotations

from typing import Any

import pytest

from cct_ops.scenarios.seeds import SCHEMA, summary
from cct_ops.summaries.proposal import apply, propose
from cct_ops.summaries.schema import problems, validator


def test_new_fields_are_taken_in_by_the_types_that_were_seen() -> None:
    seen = {
        "a": summary() | {"coverage": {"lines": 81, "tool": "c8"}, "tags": ["x"]},
        "b": summary() | {"coverage": {"lines": 80.5}},
    }

    proposal = propose(SCHEMA, seen)

    new = apply(SCHEMA, proposal.changes)["properties"]
    assert new["tags"] == {"type": "array", "items": {"type": "string"}}
    assert new["coverage"]["properties"] == {
        "lines": {"type": "number"},
        "tool": {"type": "string"},
    }
    assert proposal.left == ()
    assert proposal.doubt is None


def test_the_proposed_schema_accepts_what_called_for_it_and_what_was_valid_before() -> None:
    new = apply(SCHEMA, propose(SCHEMA, {"a": summary() | {"a/b~c": None}}).changes)

    checker = validator(new, "new")
    assert problems(checker, summary() | {"a/b~c": None}, "a") == ()
    assert problems(checker, summary(), "before") == ()


def test_a_wrong_value_does_not_bend_the_schema() -> None:
    proposal = propose(SCHEMA, {"a": summary(overall_status="GREEN")})

    assert proposal.changes == ()
    assert [found.path for found in proposal.left] == ["test_results.overall_status"]


DRAFT = SCHEMA["$schema"]
LATEST = "https://json-schema.org/draft/2020-12/schema"
CLOSED: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "additionalProperties": False,
}


def placed(schema: dict[str, Any], **document: Any) -> list[tuple[str, Any]]:
    """Where the proposal adds what; all of it must then be right."""
    proposal = propose({"$schema": DRAFT} | schema, {"a": document})
    assert proposal.left == ()
    return [(change.pointer, change.value) for change in proposal.changes]


def test_what_a_pattern_allows_is_not_described_anew() -> None:
    """A description by what was seen would refuse what the pattern allows."""
    proposal = propose(
        SCHEMA | {"patternProperties": {"^x_": {}}}, {"a": summary() | {"x_owner": "ada", "new": 1}}
    )

    assert [change.pointer for change in proposal.changes] == ["/properties/new"]
    assert proposal.doubt is None


def test_an_object_behind_a_reference_is_extended_where_it_is_defined() -> None:
    schema = {"properties": {"r": {"$ref": "#/definitions/r~"}}, "definitions": {"r~": CLOSED}}

    assert placed(schema, r={"new": 1}) == [
        ("/definitions/r~0/properties/new", {"type": "integer"})
    ]


def test_what_stands_beside_a_reference_is_not_extended_where_it_counts_for_nothing() -> None:
    schema = {
        "properties": {"r": {"$ref": "#/definitions/r", **CLOSED}},
        "definitions": {"r": {"additionalProperties": False}},
    }

    assert [pointer for pointer, _ in placed(schema, r={"new": 1})] == [
        "/definitions/r/properties",
        "/definitions/r/properties/new",
    ]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"r": {"$ref": "#r"}}, "definitions": {"x": {"$id": "#r", **CLOSED}}},
        {
            "$id": "http://example.com/s",
            "properties": {"r": {"$ref": "r"}},
            "definitions": {"x": {"$id": "http://example.com/r", **CLOSED}},
        },
        {
            "properties": {"r": {"$ref": "#/definitions/y"}},
            "definitions": {"y": {"$ref": "#/definitions/x"}, "x": CLOSED},
        },
    ],
)
def test_a_reference_of_any_kind_is_followed(schema: dict[str, Any]) -> None:
    assert [pointer for pointer, _ in placed(schema, r={"new": 1})] == [
        "/definitions/x/properties/new"
    ]


def doubt(schema: dict[str, Any], document: dict[str, Any]) -> str | None:
    """Why the proposal is not shown to be compatible; there must be one."""
    proposal = propose(schema, {"a": document})
    assert proposal.changes
    return proposal.doubt


ONE, SHUT = {"maxContains": 1}, {"additionalProperties": False}
USE = {"$ref": "#/definitions/x"}


@pytest.mark.parametrize(
    "also",
    [
        {"properties": {"r": USE, "s": USE}},
        {"allOf": [{"properties": {"s": USE}}]},
        {"anyOf": [{"properties": {"s": USE}}, {}]},
        {"additionalProperties": USE},
        {"patternProperties": {"^s": {"items": USE}}},
        {"if": {}, "then": {"properties": {"s": USE}}},
        {"definitions": {"x": CLOSED, "unused": {"not": USE}}},
        {
            "not": {"$ref": "#/definitions/y", "properties": {"s": USE}},
            "definitions": {"x": CLOSED, "y": {"required": ["bad"]}},
        },
    ],
)
def test_a_part_that_is_applied_as_it_is_may_accept_more(also: dict[str, Any]) -> None:
    schema = {"$schema": DRAFT, "properties": {"r": USE}, "definitions": {"x": CLOSED}} | also

    assert doubt(schema, {"r": {"new": 1}}) is None


@pytest.mark.parametrize(
    ("also", "why"),
    [
        ({"not": {"required": ["s"], "properties": {"s": USE}}}, "not"),
        ({"oneOf": [{"properties": {"s": USE}}, {"required": ["q"]}]}, "oneOf"),
        ({"if": {"properties": {"s": USE}}, "then": {}}, "if"),
        ({"allOf": [{"not": {"required": ["q"], "items": [{"anyOf": [USE]}]}}]}, "not"),
    ],
)
def test_a_part_that_is_used_the_other_way_round_as_well_is_in_doubt(
    also: dict[str, Any], why: str
) -> None:
    schema = {"$schema": DRAFT, "properties": {"r": USE}, "definitions": {"x": CLOSED}} | also

    assert doubt(schema, {"r": {"new": 1}}) == f"definitions.x: it is used under {why}"


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (
            {"properties": {"r": CLOSED, "s": {"contains": {"$ref": "#/properties/r"}, **ONE}}},
            "properties.r: it is used under contains",
        ),
        (
            {"$dynamicAnchor": "t", "properties": {"r": {"$dynamicRef": "#t"}}, **SHUT},
            "(top level): $dynamicRef may lead to it",
        ),
    ],
)
def test_newer_ways_to_use_a_part_count_as_well(schema: dict[str, Any], why: str) -> None:
    assert doubt({"$schema": LATEST} | schema, {"r": {"new": 1}}) == why


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        ({"unevaluatedProperties": False}, "unevaluatedProperties"),
        ({"anyOf": [CLOSED, {"required": ["b"]}]}, "anyOf"),
        ({"additionalProperties": {"type": "string"}}, "type"),
        ({"properties": {"new": False}}, "None"),
    ],
)
def test_what_no_addition_can_allow_is_left_and_named(schema: dict[str, Any], rule: str) -> None:
    proposal = propose({"$schema": LATEST} | schema, {"a": {"new": 1}})

    assert proposal.changes == ()
    assert [found.rule for found in proposal.left] == [rule]
