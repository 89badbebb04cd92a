"""A schema that takes in new fields, and what makes one version of a schema refuse more."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cct_ops.summaries.compatibility import differences
from cct_ops.summaries.proposal import apply, propose
from cct_ops.summaries.schema import problems, validator
from tests.summaries.parts import SCHEMA, summary


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
    assert proposal.backward_compatible


def test_the_proposed_schema_accepts_what_called_for_it_and_what_was_valid_before() -> None:
    new = apply(SCHEMA, propose(SCHEMA, {"a": summary() | {"a/b~c": None}}).changes)

    checker = validator(new, "new")
    assert problems(checker, summary() | {"a/b~c": None}, "a") == ()
    assert problems(checker, summary(), "before") == ()


def test_a_wrong_value_does_not_bend_the_schema() -> None:
    proposal = propose(SCHEMA, {"a": summary(overall_status="GREEN")})

    assert proposal.changes == ()
    assert [found.path for found in proposal.left] == ["test_results.overall_status"]


def edited(**changes: Any) -> dict[str, Any]:
    new = copy.deepcopy(SCHEMA)
    new["properties"]["test_results"].update(changes)
    return new


@pytest.mark.parametrize(
    ("new", "breaking"),
    [
        (edited(title="Results"), False),
        (edited(required=[]), False),
        (edited(required=["total_tests", "overall_status"]), True),
        (edited(additionalProperties=False), True),
        (edited(type=["object", "null"]), False),
        (edited(type="array"), True),
        (edited(maxProperties=3), True),
        (edited(anyOf=[{"required": ["total_tests"]}]), True),
        (edited(properties={"total_tests": {"type": "number", "minimum": 0}}), False),
        (edited(properties={**SCHEMA["properties"]["test_results"]["properties"], "n": {}}), True),
        (SCHEMA | {"additionalProperties": True}, False),
        (SCHEMA | {"properties": {**SCHEMA["properties"], "n": {"type": "string"}}}, False),
        (SCHEMA | {"properties": {**SCHEMA["properties"], "conclusion": {"enum": ["x"]}}}, True),
        (SCHEMA | {"properties": {**SCHEMA["properties"], "conclusion": {}}}, False),
    ],
)
def test_a_change_that_refuses_what_was_valid_is_breaking(
    new: dict[str, Any], breaking: bool
) -> None:
    assert any(found.breaking for found in differences(SCHEMA, new)) is breaking


def test_equal_schemas_do_not_differ() -> None:
    assert differences(SCHEMA, copy.deepcopy(SCHEMA)) == ()
