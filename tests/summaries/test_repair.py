"""Repairing a summary: what follows from the summary itself, and nothing else."""

from __future__ import annotations

import copy

import pytest

from cct_ops.scenarios.seeds import SCHEMA, summary
from cct_ops.summaries.repair import repair, repaired_copy
from cct_ops.summaries.rules import check
from cct_ops.summaries.schema import validator

CHECKER = validator(SCHEMA, "schema")


def test_a_repaired_summary_fits_the_schema_and_agrees_with_itself() -> None:
    wrong = summary(total_tests="12", success_rate=3, overall_status="PASS")
    wrong |= {"conclusion": "PASS", "surplus": 1}
    wrong["test_metadata"]["execution_id"] = "exec-17"

    proposal = repair(CHECKER, wrong, "a")
    repaired, _ = repaired_copy(CHECKER, wrong)

    assert proposal.left == ()
    assert check({"a": repaired}) == ()
    assert repaired["conclusion"] == "success"
    assert repaired["test_results"]["total_tests"] == 8
    assert "surplus" not in repaired


def test_each_change_is_said() -> None:
    proposal = repair(CHECKER, summary() | {"conclusion": "FAIL"}, "a")

    assert [change.sentence for change in proposal.changes] == [
        "conclusion is 'failure' instead of 'FAIL'"
    ]


def test_what_was_missing_and_what_was_null_are_said_apart() -> None:
    wrong = summary(overall_status=None)
    del wrong["test_results"]["success_rate"]

    _, changes = repaired_copy(validator({"type": "object"}, "schema"), wrong)

    assert [change.sentence for change in changes] == [
        "test_results.success_rate is 87.5, and was missing",
        "test_results.overall_status is 'FAIL' instead of null",
    ]


def test_what_the_summary_does_not_say_is_left_and_named() -> None:
    wrong = summary()
    wrong["test_metadata"]["timestamp"] = "yesterday"

    proposal = repair(CHECKER, wrong, "a")

    assert proposal.changes == ()
    assert [found.path for found in proposal.left] == ["test_metadata.timestamp"]


def test_the_same_summary_is_always_repaired_alike_and_is_itself_left_alone() -> None:
    wrong = summary()
    wrong["test_metadata"]["execution_id"] = "exec-17"
    before = copy.deepcopy(wrong)

    assert repaired_copy(CHECKER, wrong) == repaired_copy(CHECKER, wrong)
    assert wrong == before


def test_a_right_summary_is_not_changed() -> None:
    assert repaired_copy(CHECKER, summary(overall_status="FAIL"))[1] == ()


def closed(**more: object) -> dict[str, object]:
    """The small schema, with more said about its top level."""
    return SCHEMA | more


def test_what_a_pattern_of_the_schema_allows_is_never_left_out() -> None:
    checker = validator(closed(patternProperties={"^x_": {}}), "schema")

    repaired, changes = repaired_copy(checker, summary() | {"x_owner": "ada", "surplus": [1]})

    assert repaired == summary() | {"x_owner": "ada"}
    assert [change.sentence for change in changes] == [
        "surplus is left out, because the schema does not know it; it was [1]"
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"additionalProperties": {"type": "string"}},
        {"additionalProperties": True, "propertyNames": {"enum": ["X_OWNER"]}},
        {"additionalProperties": True, "not": {"required": ["x_owner"]}},
        {"additionalProperties": True, "maxProperties": 2},
        {"additionalProperties": True, "anyOf": [{"additionalProperties": False}]},
        {"additionalProperties": True, "dependencies": {"x_owner": ["y"]}},
    ],
)
def test_only_an_object_that_is_closed_loses_what_is_unknown(more: dict[str, object]) -> None:
    wrong = summary() | {"x_owner": 5}

    assert repaired_copy(validator(closed(**more), "schema"), wrong) == (wrong, ())


def test_a_field_is_kept_where_another_repair_makes_it_allowed() -> None:
    """Which fields a schema knows can depend on values that are put right first."""
    rule = {
        "additionalProperties": True,
        "if": {"properties": {"conclusion": {"const": "success"}}, "required": ["conclusion"]},
        "else": {
            "properties": {name: {} for name in SCHEMA["properties"]},
            "additionalProperties": False,
        },
    }
    checker = validator(closed(**rule), "schema")

    repaired, _ = repaired_copy(checker, summary() | {"conclusion": "PASS", "x": 1})

    assert repaired == summary() | {"conclusion": "success", "x": 1}


def test_a_name_that_is_wrong_does_not_cost_what_it_names() -> None:
    names = {"propertyNames": {"enum": ["TEST_RESULTS", "test_metadata"]}}

    assert repaired_copy(validator(closed(**names), "s"), summary()) == (summary(), ())


def test_what_two_parts_of_a_schema_refuse_is_left_out_once() -> None:
    both = {"allOf": [{"additionalProperties": False, "properties": SCHEMA["properties"]}]}
    inner = {"properties": {"a": {"additionalProperties": False}}}
    checker = validator(closed(**both, patternProperties={"^a$": inner}), "s")

    repaired, changes = repaired_copy(checker, summary() | {"a": {"a": {"b": 1}}, "c": 2})

    assert repaired == summary()
    assert sorted(change.pointer for change in changes) == ["/a", "/c"]


@pytest.mark.parametrize(
    ("written", "number"),
    [("12", 12), ("-1", -1), ("1_2", None), ("\u0661", None), ("012", None), (" 12", None)],
)
def test_only_what_json_calls_a_number_is_one(written: str, number: int | None) -> None:
    schema = {"$schema": SCHEMA["$schema"], "properties": {"n": {"type": "integer"}}}

    repaired, _ = repaired_copy(validator(schema, "s"), {"n": written})

    assert repaired == {"n": written if number is None else number}
