"""What is JSON and yet nothing to check, compute with or write: one sentence, with the place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cct_ops.errors import BadConfiguration
from cct_ops.scenarios.seeds import SCHEMA, summary
from cct_ops.summaries.documents import parse
from cct_ops.summaries.repair import repaired_copy
from cct_ops.summaries.rules import check
from cct_ops.summaries.schema import problems, validator

DRAFT = "http://json-schema.org/draft-07/schema#"
OLD = "http://json-schema.org/draft-04/schema#"


def nested(depth: int, inner: str = "1") -> bytes:
    return b'{"a":' * depth + inner.encode() + b"}" * depth


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": {"b": [0, 1e400]}}', "x.json: a.b[1]: is a number that is too large"),
        (b'{"a": -1e400}', "x.json: a: is a number that is too large"),
        (b'{"a": ' + b"9" * 400 + b"}", "x.json: a: is a number that is too large"),
        (b'{"a": ' + b"9" * 50_000 + b"}", "x.json: a: is a number that is too large"),
        (b'{"a": ["\\ud800"]}', "x.json: a[0]: holds half of a character"),
        (b'{"a": {"\\udfff": 1}}', "x.json: a: has a name that holds half of a character"),
        (nested(300), "x.json: not usable: it is nested too deeply. At most 64 levels are read"),
        (nested(100_000), "x.json: not usable: it is nested too deeply."),
    ],
)
def test_an_odd_value_is_named_with_its_place(content: bytes, said: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        parse(content, "x.json")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    "content", [nested(64), b'{"a": 1e308, "b": 5e-324, "c": "\\ud83d\\ude00"}']
)
def test_what_is_only_large_or_deep_is_read(content: bytes) -> None:
    assert json.loads(content) == parse(content, "x.json")


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$schema": 5}, "s: $schema names no draft that is known: 5."),
        ({"$schema": []}, "s: $schema names no draft that is known: []."),
        ({"$schema": None}, "s: $schema names no draft that is known: None."),
        ({"$ref": "#"}, "The schema has no end: the reference '#' leads back to itself."),
        ({"allOf": [{"$ref": "#"}]}, "The schema has no end: "),
        (
            {
                "definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}},
                "properties": {"test_results": {"$ref": "#/definitions/a"}},
            },
            "The schema has no end: the reference '#/definitions/",
        ),
        ({"$ref": "#/nowhere"}, "The schema refers to '/nowhere', which is not in it"),
        ({"properties": {"a": {"type": "strin"}}}, "s: properties.a.type: not a valid schema: is"),
        (
            {"properties": {"a": {"items": {"properties": {"b": {"minLength": -1}}}}}},
            "s: properties.a.items.properties.b.minLength: not a valid schema: is -1",
        ),
        (
            {"items": [{}, {"type": ["string", "number", "strin"]}]},
            "s: items[1].type[2]: not a valid schema: is 'strin', but must be one of",
        ),
        ({"items": 5}, "s: items: not a valid schema: "),
        (
            {"properties": {"test_results": {"$ref": "#/default"}}, "default": {"type": "strin"}},
            "s: type (where the reference '#/default' leads): not a valid schema: is 'strin'",
        ),
        (
            {"properties": {"test_results": {"$ref": "#/title"}}, "title": "x"},
            "s: (top level) (where the reference '#/title' leads): not a valid schema: must be",
        ),
        ({"$schema": OLD, "$ref": 5}, "s: not a valid schema: a $ref is no text."),
        (
            {"$schema": OLD, "$ref": "http://[x"},
            "The schema refers to 'http://[x', which is not in",
        ),
        ({"multipleOf": 0}, "s: multipleOf: not a valid schema: is 0, but must be more than 0"),
        ({"properties": 5}, "s: properties: not a valid schema: must be an object, but is a whole"),
    ],
)
def test_an_odd_schema_is_one_sentence_that_says_where(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        problems(validator({"$schema": DRAFT} | schema, "s"), summary(), "a")
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "draft",
    [
        "https://json-schema.org/draft/2019-09/schema",
        "https://json-schema.org/draft/2020-12/schema",
    ],
)
def test_a_deep_schema_is_read_in_every_draft(draft: str) -> None:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(30):
        schema = {"properties": {"a": schema}}

    deep = parse(nested(30, '"text"'), "x.json")
    (found,) = problems(validator({"$schema": draft} | schema, "s"), deep, "x")

    assert found.path == ".".join("a" * 30)


def test_a_schema_that_refers_to_itself_for_the_next_level_has_an_end() -> None:
    tree = {"$schema": DRAFT, "properties": {"a": {"$ref": "#"}}, "additionalProperties": False}
    tree |= {"not": {"required": ["bad"]}}

    assert problems(validator(tree, "s"), parse(nested(60, "{}"), "x.json"), "x") == ()
    assert len(problems(validator(tree, "s"), parse(nested(60, '{"b": 1}'), "x.json"), "x")) == 1


@pytest.mark.parametrize(
    ("step", "value", "right"),
    [
        (0.01, 19.99, True),
        (0.1, 0.3, True),
        (0.1, 0.35, False),
        (0.5, 1e308, True),
        (1e-300, 1e300, True),
        (1e-7, 2**70, True),
        (3, 10**300, False),
        (1e308, 5, False),
    ],
)
def test_a_multiple_is_reckoned_exactly(step: float, value: float, right: bool) -> None:
    schema = validator({"$schema": DRAFT, "properties": {"a": {"multipleOf": step}}}, "s")

    assert (problems(schema, {"a": value}, "a") == ()) is right


@pytest.mark.parametrize("odd", [10**400, -(10**300), 2**53, 1e308, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["total_tests", "tests_skipped", "success_rate"])
def test_numbers_that_nobody_counts_to_are_said_and_not_computed_with(
    name: str, odd: float
) -> None:
    wrong = summary(**{name: odd})

    (found,) = check({"a": wrong})

    assert found.path == f"test_results.{name}"
    assert found.sentence.endswith("which is too large to count with.")


def test_a_summary_with_such_counts_is_not_repaired_from_them() -> None:
    wrong = summary(total_tests=10**300, tests_passed=10**300)

    assert repaired_copy(validator(SCHEMA, "s"), wrong)[1] == ()


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        (
            {"anyOf": [{"type": "string"}, {"properties": {"b": {"type": "integer"}}}]},
            {"b": "x"},
            (
                "a fits none of the 2 forms that are allowed; by the closest of them a.b must be a"
                " whole number, but is a text."
            ),
        ),
        ({"oneOf": [{}, {"minimum": 2}]}, 3, "a does not fit exactly one of the 2 forms."),
        (False, 1, "a is not allowed here."),
        ({"propertyNames": {"pattern": "a"}}, {"X": 1}, "a.X is 'X', which does not match a."),
        ({"required": ['it\'s\n"so"']}, {}, "a['it\\'s\\n\"so\"'] is missing."),
        ({"required": ["a"]}, {}, "a.a is missing."),
        ({"uniqueItems": True}, [{"b": 1}, {"b": 1.0}], "a has entries that are equal."),
        ({"maximum": 1}, 10**90, f"a is {'1' + '0' * 78}…, but must be at most 1."),
    ],
)
def test_an_error_says_what_is_wrong_and_where(part: Any, value: Any, said: str) -> None:
    schema = validator({"$schema": DRAFT, "properties": {"a": part}}, "s")

    (found,) = problems(schema, {"a": value}, "a")

    assert f"{found.path} {found.sentence}" == said


def test_the_draft_of_the_whole_holds_behind_a_reference_to_it_as_well() -> None:
    """``$schema`` is met again there, and must not bring back the patterns of Python."""
    tree = {"$schema": DRAFT, "properties": {"a": {"pattern": "^x$"}, "b": {"$ref": "#"}}}

    (found,) = problems(validator(tree, "s"), {"b": {"a": "x\n"}}, "a")

    assert found.path == "b.a"
