"""Parameters of a playbook as people type them, read and judged by the schema of its deployment."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jsonschema
from jsonschema.exceptions import ValidationError

from cct_ops.errors import BadConfiguration

Schema = Mapping[str, Any]


class Problem(NamedTuple):
    """What is wrong with one parameter; ``words`` go on after its name."""

    name: str
    words: str


def read(playbook: str, schema: Schema, typed: Mapping[str, str]) -> dict[str, object]:
    """
    Return the values that are meant.

    Raises ``BadConfiguration`` with a sentence for each that is unknown, missing or wrong.
    """
    properties: Mapping[str, Schema] = schema.get("properties", {})
    named = {name.replace("-", "_"): text for name, text in typed.items()}
    unknown = [_unknown(name, properties) for name in named if name not in properties]
    known = {name: text for name, text in named.items() if name in properties}
    values, wrong = judged(schema, known, complete=not unknown)
    problems = unknown + [f"{_option(each.name)}{each.words}" for each in wrong]
    if problems:
        raise BadConfiguration(f"{playbook} was not started: {'; '.join(problems)}")
    return values


def judged(
    schema: Schema, typed: Mapping[str, str], *, complete: bool = True
) -> tuple[dict[str, object], list[Problem]]:
    """
    Return the values that are meant, and what is wrong with which parameter.

    All that is typed has a name of the schema's; if it is not ``complete``, what can be read is
    not held against the schema.
    """
    properties: Mapping[str, Schema] = schema.get("properties", {})
    values: dict[str, object] = {}
    problems = []
    for name, text in typed.items():
        kinds = allowed(properties[name], schema)
        try:
            values[name] = text if "string" in kinds else json.loads(text)
        except ValueError:
            problems.append(Problem(name, f" takes {_wanted(kinds)}, not {text!r}"))
    missing = [name for name in schema.get("required", ()) if name not in typed]
    problems += [Problem(name, f" is missing: {_says(properties[name])}") for name in missing]
    if complete and not problems:
        problems = [*_wrong(schema, values)]
    return values, problems


def problems(schema: Schema, values: Mapping[str, object]) -> list[Problem]:
    """Return what is wrong with which of the parameters, as a program gives them."""
    properties: Mapping[str, Schema] = schema.get("properties", {})
    unknown = [
        Problem(name, _no_such(name, properties)) for name in values if name not in properties
    ]
    missing = [name for name in schema.get("required", ()) if name not in values]
    without = {**schema, "required": []}
    return [
        *unknown,
        *(Problem(name, f" is missing: {_says(properties[name])}") for name in missing),
        *_wrong(without, {name: each for name, each in values.items() if name in properties}),
    ]


def allowed(part: Schema, whole: Schema) -> set[str]:
    """Return the types that a part of the schema lets pass."""
    part = resolved(part, whole)
    kinds = part.get("type", ())
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    for each in (*part.get("anyOf", ()), *part.get("oneOf", ()), *part.get("allOf", ())):
        found |= allowed(each, whole)
    return found


def resolved(part: Schema, whole: Schema) -> Schema:
    """Return what a part refers to, or the part itself."""
    reference = part.get("$ref")
    if not isinstance(reference, str):
        return part
    found: Any = whole
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _wrong(schema: Schema, values: Mapping[str, object]) -> Iterator[Problem]:
    for error in jsonschema.Draft202012Validator(schema).iter_errors(values):
        # Of alternatives, that none of them fits helps nobody: the one that is no null does.
        nearest = [each for each in error.context or () if each.validator_value != "null"]
        yield _problem(nearest[0] if nearest else error)


def _problem(error: ValidationError) -> Problem:
    first, *rest = [str(step) for step in error.absolute_path] or [""]
    return Problem(first, f"{''.join(f'.{step}' for step in rest)}{_words(error)}")


def _words(error: ValidationError) -> str:
    if error.validator == "enum":
        known = [str(each) for each in error.validator_value]
        near = difflib.get_close_matches(str(error.instance), known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return f" is one of {', '.join(known)}, not {error.instance}{hint}"
    if error.validator == "pattern" and (meant := error.schema.get("description")):
        return f": {error.instance!r} does not fit. {meant}"
    return f": {error.message}"


def _unknown(name: str, properties: Mapping[str, Schema]) -> str:
    return f"it has no parameter {_option(name)}: {_hint(name, properties, _option)}"


def _no_such(name: str, properties: Mapping[str, Schema]) -> str:
    return f" is no parameter: {_hint(name, properties, str)}"


def _hint(name: str, properties: Mapping[str, Schema], shown: Callable[[str], str]) -> str:
    if near := difflib.get_close_matches(name, properties, n=1):
        return f"did you mean {shown(near[0])}?"
    return f"there are {', '.join(map(shown, _in_order(properties))) or 'none'}"


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


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
