"""Schemas and documents thrown together: another validator of JSON Schema judges them alike."""

from __future__ import annotations

from random import Random
from typing import Any

import jsonschema_rs
import pytest

from cct_ops.errors import BadConfiguration
from cct_ops.summaries.schema import problems, validator
from tests.summaries.test_schema import DRAFTS

NAMES = ["a", "b", "x_a", "a\n", "ä"]
PATTERNS = ["^x_", "^a$", r"\d", "^[a-z]+$", r"\p{L}", "^.$"]
FORMATS = ["date-time", "email", "ipv4", "regex", "uri"]  # in all of the drafts
TEXTS = [
    "",
    "a",
    "a\n",
    "5",
    "\u0665",
    "x_a",
    "(?i)",
    "^a$",
    "1.2.3.4",
    "1.2.3.4\n",
    "a@b",
    "a@b\n",
]
TEXTS += ["2025-11-27T09:11:46Z", "2025-11-27T09:11:46Z\n", "2025-02-29T00:00:00Z", "http://x/\n"]
NUMBERS = [0, 1, 1.0, -1, 0.5, 19.99, 0.3, 1e308, 10**20, 2**53 + 1]
PLAIN = [None, True, False, *NUMBERS, *TEXTS]
TYPES = ["object", "array", "string", "number", "integer", "boolean", "null", ["string", "null"]]


class Dice:
    """Draws schemas of one draft, and documents."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 -- the same cases in each run
        self.draft = self.random.choice(DRAFTS)
        self.age = DRAFTS.index(self.draft)

    def document(self, depth: int = 0) -> Any:
        """Draw a value of JSON, with what tells readings apart in it."""
        drawn = self.random.random()
        if depth > 2 or drawn < 0.4:
            return self.random.choice(PLAIN)
        if drawn < 0.6:
            return [self.document(depth + 1) for _ in range(self.random.randint(0, 3))]
        size = self.random.randint(0, 4)
        return {self.random.choice(NAMES): self.document(depth + 1) for _ in range(size)}

    def schema(self, depth: int = 0) -> Any:
        """Draw a schema of the draft."""
        if depth > 3 or self.random.random() < 0.1:
            trivial = [{}, {"type": "integer"}, {"type": "object"}]
            return self.random.choice(trivial + [True, False] * (self.age > 0))
        keywords = self._keywords()
        drawn = self.random.sample(sorted(keywords), self.random.randint(1, 4))
        return {name: self._value(keywords[name], depth) for name in drawn}

    def _keywords(self) -> dict[str, Any]:
        """The keywords of the draft, each with what it takes: values, or the shape of schemas."""
        known: dict[str, Any] = {
            "type": TYPES,
            "pattern": PATTERNS,
            "format": FORMATS,
            "minimum": [0, 0.5, 1],
            "multipleOf": [0.01, 0.1, 2, 1e-300],
            "required": [[name] for name in NAMES],
            "uniqueItems": [True],
            "$ref": ["#/definitions/d"],
            "properties": NAMES.__iter__,
            "patternProperties": PATTERNS.__iter__,
            "additionalProperties": dict,
            "items": dict,
            "not": dict,
            "allOf": list,
            "anyOf": list,
            "oneOf": list,
        }
        if self.age > 0:
            known |= {"const": PLAIN, "propertyNames": dict, "contains": dict}
        if self.age > 1:
            known |= {"if": dict, "then": dict, "else": dict}
        if self.age > 2:
            known |= {"unevaluatedProperties": dict, "dependentSchemas": NAMES.__iter__}
        return known

    def _value(self, kind: Any, depth: int) -> Any:
        if isinstance(kind, list):
            return self.random.choice(kind)
        if kind is dict:
            return self.schema(depth + 1)
        if kind is list:
            return [self.schema(depth + 1), self.schema(depth + 1)]
        names = self.random.sample(list(kind()), 2)
        return {name: self.schema(depth + 1) for name in names}


@pytest.mark.parametrize("part", range(8))
def test_two_validators_judge_alike(part: int) -> None:
    closed = {"properties": {"a": {"type": "string"}}, "additionalProperties": False}
    for seed in range(part * 100, part * 100 + 100):
        dice = Dice(seed)
        drawn = dice.schema()
        known = drawn if isinstance(drawn, dict) else {}
        schema = {"$schema": dice.draft, **known, "definitions": {"d": closed}}
        ours = validator(schema, "s")
        theirs = jsonschema_rs.validator_for(schema, validate_formats=True)
        for _ in range(6):
            document = dice.document()
            assert (problems(ours, document, "d") == ()) is theirs.is_valid(document), (
                schema,
                document,
            )


@pytest.mark.parametrize("schema", [{"type": "strin"}, {"pattern": "("}, {"required": "a"}])
def test_two_validators_refuse_the_same_schemas(schema: dict[str, Any]) -> None:
    with pytest.raises(BadConfiguration):
        validator({"$schema": DRAFTS[2]} | schema, "s")
    with pytest.raises(ValueError, match=r"."):
        jsonschema_rs.validator_for({"$schema": DRAFTS[2]} | schema)
