"""A summary against its schema: every error, its place, and a sentence that people understand."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cct_ops.errors import BadConfiguration
from cct_ops.scenarios.seeds import SCHEMA, summary
from cct_ops.summaries.documents import parse
from cct_ops.summaries.schema import problems, validator


def said(document: dict[str, Any], schema: dict[str, Any] = SCHEMA) -> list[str]:
    return [
        f"{found.path} {found.sentence}"
        for found in problems(validator(schema, "schema.json"), document, "summary.json")
    ]


def test_a_summary_that_fits_has_no_problem() -> None:
    assert said(summary()) == []


def test_all_errors_are_found_each_with_its_place() -> None:
    wrong = summary(total_tests=-1, overall_status="GREEN")
    del wrong["test_metadata"]["test_name"]
    wrong["test_metadata"]["execution_id"] = 7
    wrong["coverage"] = wrong["flaky"] = 1

    assert set(said(wrong)) == {
        "coverage the schema does not know this field.",
        "flaky the schema does not know this field.",
        "test_metadata.test_name is missing.",
        "test_metadata.execution_id must be a text, but is a whole number.",
        "test_results.total_tests is -1, but must be at least 0.",
        (
            "test_results.overall_status is 'GREEN', but must be one of PASS, FAIL, WARN, ERROR,"
            " TIMEOUT."
        ),
    }


def test_formats_count() -> None:
    wrong = summary()
    wrong["test_metadata"]["timestamp"] = "yesterday"

    assert said(wrong) == ["test_metadata.timestamp is 'yesterday', which is no date-time."]


def test_the_draft_is_the_one_that_the_schema_names() -> None:
    """In draft 4 a limit is made exclusive by a flag, in draft 7 by a number of its own."""
    old = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "properties": {"n": {"minimum": 1, "exclusiveMinimum": True}},
    }

    assert said({"n": 1}, old) == ["n is 1, but must be more than 1."]
    with pytest.raises(BadConfiguration, match="not a valid schema"):
        said({"n": 1}, old | {"$schema": SCHEMA["$schema"]})


def test_an_unknown_draft_is_refused_and_not_guessed() -> None:
    with pytest.raises(BadConfiguration, match=r"schema.json: \$schema names no draft"):
        said(summary(), SCHEMA | {"$schema": "http://example.com/draft-99"})


def test_nothing_is_fetched_for_a_reference() -> None:
    refers = copy.deepcopy(SCHEMA)
    refers["properties"]["conclusion"] = {"$ref": "http://192.0.2.1/other.json"}

    with pytest.raises(BadConfiguration, match="which is not in it; nothing is fetched"):
        said(summary() | {"conclusion": "success"}, refers)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{\n  "a": }', "x.json:2:8: not valid JSON"),
        (b"[1]", "x.json: must be a JSON object, but is a list."),
        (b"", "x.json:1:1: not valid JSON"),
        (b'{"a": NaN}', "x.json: not valid JSON: NaN is not a JSON value."),
        (b'{"a": 1, "a": 2}', "the name 'a' is there twice"),
        (b'{"a": "\xff"}', "x.json: is not UTF-8 text, from byte 7 on."),
        (b'{"a":' * 200_000, "x.json: not usable: it is nested too deeply."),
    ],
)
def test_bad_input_is_one_sentence_that_says_where(content: bytes, sentence: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        parse(content, "x.json")

    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
