"""Parameters of a playbook as people type them, read and judged by the schema of its deployment."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from cct_ops.errors import BadConfiguration

Schema = Mapping[str, Any]


def read(playbook: str, schema: Schema, typed: Mapping[str, str]) -> dict[str, object]:
    """
    Return the values that are meant.

    Raises ``BadConfiguration`` with a sentence for each that is unknown, missing or wrong.
    """
    properties: Mapping[str, Schema] = schema.get("properties", {})
    named = {name.replace("-", "_"): text for name, text in typed.items()}
    problems = [_unknown(name, properties) for name in named if name not in properties]
    values: dict[str, object] = {}
    for name, text in named.items():
        if name in properties:
            kinds = allowed(properties[name], schema)
            try:
                values[name] = text if "string" in kinds else json.loads(text)
            except ValueError:
                problems.append(f"--{_dashed(name)} takes {_wanted(kinds)}, not {text!r}")
    missing = [name for name in schema.get("required", ()) if name not in named]
    problems += [f"--{_dashed(name)} is missing: {_says(properties[name])}" for name in missing]
    if not problems:
        problems = [*_wrong(schema, values)]
    if problems:
        raise BadConfiguration(f"{playbook} was not started: {'; '.join(problems)}")
    return values


def allowed(part: Schema, whole: Schema) -> set[str]:
    """Return the types that a part of the schema lets pass."""
    part = _resolved(part, whole)
    kinds = part.get("type", ())
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    for each in (*part.get("anyOf", ()), *part.get("oneOf", ()), *part.get("allOf", ())):
        found |= allowed(each, whole)
    return found


def _resolved(part: Schema, whole: Schema) -> Schema:
    reference = part.get("$ref")
    if not isinstance(reference, str):
        return part
    found: Any = whole
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _wrong(schema: Schema, values: Mapping[str, object]) -> Iterator[str]:
    for error in jsonschema.Draft202012Validator(schema).iter_errors(values):
        # Of alternatives, that none of them fits helps nobody: the one that is no null does.
        nearest = [each for each in error.context or () if each.validator_value != "null"]
        yield _sentence(nearest[0] if nearest else error)


def _sentence(error: ValidationError) -> str:
    first, *rest = [str(step) for step in error.absolute_path] or [""]
    where = f"--{_dashed(first)}" + "".join(f".{step}" for step in rest)
    if error.validator == "enum":
        known = [str(each) for each in error.validator_value]
        near = difflib.get_close_matches(str(error.instance), known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return f"{where} is one of {', '.join(known)}, not {error.instance}{hint}"
    return f"{where}: {error.message}"


def _unknown(name: str, properties: Mapping[str, Schema]) -> str:
    near = difflib.get_close_matches(name, properties, n=1)
    known = ", ".join(f"--{_dashed(each)}" for each in _in_order(properties))
    hint = f"did you mean --{_dashed(near[0])}?" if near else f"there are {known or 'none'}"
    return f"it has no parameter --{_dashed(name)}: {hint}"


def _in_order(properties: Mapping[str, Schema]) -> list[str]:
    return sorted(properties, key=lambda name: properties[name].get("position", 0))


def _says(part: Schema) -> str:
    return str(part.get("description") or part.get("title") or "it has no default")


def _wanted(kinds: set[str]) -> str:
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "array": 'a list such as ["a", "b"]',
        "object": 'an object such as {"name": 1}',
    }
    return " or ".join(words[kind] for kind in sorted(kinds) if kind in words) or "JSON"


def _dashed(name: str) -> str:
    return name.replace("_", "-")
