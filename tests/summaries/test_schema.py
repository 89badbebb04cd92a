"""
A summary against its schema: every error, its place, and a sentence that people understand.

Patterns of a schema are those of ECMA-262 with the flag u, and formats are of one line.
"""

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


DRAFTS = [
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
]
BAD = ["(?i)a", r"a\Z", "(?P<x>a)", "[[:alpha:]]", r"\A", "(?#x)", "a{2,1}", "(", r"\_", "a++"]


def fits(schema: dict[str, Any], value: Any, draft: str = DRAFTS[2]) -> bool:
    made = validator({"$schema": draft, "properties": {"a": schema}}, "schema")
    return problems(made, {"a": value}, "a") == ()


@pytest.mark.parametrize("name", ["execution_id", "timestamp"])
def test_a_line_break_at_the_end_is_not_left_out(name: str) -> None:
    wrong = summary()
    wrong["test_metadata"][name] += "\n"

    found = problems(validator(SCHEMA, "schema"), wrong, "a")

    assert [problem.path for problem in found] == [f"test_metadata.{name}"]


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^a$", "a", True),
        (r"^a$", "a\n", False),
        (r"^\p{L}+$", "straße", True),
        (r"^\u{1F600}$", "\U0001f600", True),
        (r"^.$", "\U0001f600", True),
        (r"^(?<n>a)\k<n>$", "aa", True),
        (r"^(?<n>a)\k<n>$", "ab", False),
        (r"^\d$", "5", True),
        (r"^\d$", "\u0665", False),
        (r"^\w$", "ä", False),
        (r"^\s$", "\ufeff", True),
        (r"(?<!b)a", "ba", False),
    ],
)
def test_a_pattern_means_what_it_means_in_javascript(
    draft: str, pattern: str, text: str, found: bool
) -> None:
    assert fits({"pattern": pattern}, text, draft) is found
    assert fits({"patternProperties": {pattern: False}}, {text: 1}, DRAFTS[4]) is not found
    closed = {"patternProperties": {pattern: {}}, "additionalProperties": False}
    assert fits(closed, {text: 1}, draft) is found


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("pattern", BAD)
def test_a_pattern_that_is_none_makes_the_schema_invalid_in_one_sentence(
    draft: str, pattern: str
) -> None:
    with pytest.raises(BadConfiguration) as caught:
        fits({"pattern": pattern}, "x", draft)
    assert str(caught.value) == (
        f"schema: properties.a.pattern: not a valid schema: is {pattern!r},"
        " which is no pattern of ECMA-262 (JavaScript)."
    )


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("pattern", BAD)
def test_a_name_that_is_no_pattern_is_refused_in_every_draft(draft: str, pattern: str) -> None:
    """Draft 4 and 6 do not say that it has to be one; it is found when it would be used."""
    with pytest.raises(BadConfiguration, match="of ECMA-262"):
        fits({"patternProperties": {pattern: {}}}, {"x": 1}, draft)


def test_the_format_regex_is_javascripts_as_well() -> None:
    assert not any(fits({"format": "regex"}, pattern) for pattern in BAD)
    assert all(
        fits({"format": "regex"}, good) for good in [r"\p{L}", "(?<n>a)", "[\n]", r"\u{1F600}"]
    )


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("date-time", "2025-11-27T09:11:46Z"),
        ("date-time", "2025-11-27t09:11:46.123456789+05:30"),
        ("date-time", "1998-12-31T23:59:60Z"),
        ("date-time", "1998-12-31T15:59:60.5-08:00"),
        ("date-time", "0000-02-29T00:00:00Z"),
        ("date", "2025-11-27"),
        ("time", "09:11:46Z"),
        ("email", "ada@example.com"),
        ("hostname", "example.com"),
        ("ipv4", "192.0.2.1"),
        ("ipv6", "2001:db8::1"),
        ("uri", "https://example.com/a"),
        ("uri-reference", "/a"),
        ("uuid", "1f4cd2b6-26ec-42b3-bb9d-7a320fbbc593"),
        ("duration", "P1DT2H"),
    ],
)
def test_a_format_is_of_one_line(name: str, right: str) -> None:
    assert fits({"format": name}, right, DRAFTS[4])
    for wrong in (f"{right}\n", f"{right}\r\n", f"\n{right}", f"{right}\u2028", f"{right}\x00"):
        assert not fits({"format": name}, wrong, DRAFTS[4]), wrong


@pytest.mark.parametrize(
    "wrong",
    [
        "2025-02-29T00:00:00Z",
        "2025-11-27T24:00:00Z",
        "2025-11-27 09:11:46Z",
        "2025-11-27T09:11:46",
        "2025-11-27T09:11Z",
        "2025-11-27T09:11:60Z",
        "2025-11-27T09:11:46+24:00",
        "20251127T091146Z",
        "2025-W48-4T09:11:46Z",
        "\u0662025-11-27T09:11:46Z",
        "",
    ],
)
def test_a_moment_is_rfc_3339_s(wrong: str) -> None:
    assert not fits({"format": "date-time"}, wrong)


def test_no_format_fails_on_odd_text() -> None:
    """The libraries behind the formats know ordinary text."""
    known = validator({}, "schema").FORMAT_CHECKER.checkers
    odd = [
        "",
        "\u00b2",
        "1\u00b2/a",
        "\x00",
        "P",
        "[",
        "http://[",
        "%",
        "{",
        "-",
        "a" * 5000,
        "\u0665",
        "::",
    ]

    for name in known:
        for text in odd:
            fits({"format": name}, text, DRAFTS[4])
