"""Plain sentences for the errors of JSON Schema."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from jsonschema import ValidationError

from cct_ops.summaries.documents import SHOWN_CHARACTERS, kind, printable

LISTED_CHARACTERS = 300
_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
}


def sentence(error: ValidationError) -> str:
    """Say what is wrong, without its place and without a full stop."""
    say = _SENTENCES.get(_rule(error))
    if say is not None:
        return say(error.instance, error.validator_value)
    if error.validator is None:
        return "is not allowed here"
    short = len(error.message) < 2 * SHOWN_CHARACTERS
    return error.message if short else f"breaks {error.validator}"


def _rule(error: ValidationError) -> str:
    """Return the rule that is broken; up to draft 4 a flag beside a limit makes it exclusive."""
    exclusive = f"exclusive{str(error.validator).capitalize()}"
    beside = error.schema.get(exclusive) if isinstance(error.schema, dict) else None
    return exclusive if beside is True else str(error.validator)


def innermost(error: ValidationError) -> ValidationError:
    """
    Return the error behind one that says only that none of several forms fits.

    Of the forms it is one whose kind of value is right, and the one that fits the deepest.
    """
    while error.context:
        branches: dict[Any, list[ValidationError]] = {}
        for each in error.context:
            branches.setdefault(each.schema_path[0] if each.schema_path else 0, []).append(each)
        error = max(
            (max(each, key=_depth) for each in branches.values() if not _other_kind(each)),
            key=_depth,
            default=error.context[0],
        )
    return error


def missing_name(error: ValidationError) -> str:
    """Return the name that is missing: ``jsonschema`` says which in its message only."""
    return str(ast.literal_eval(error.message.removesuffix(" is a required property")))


def shown(value: object) -> str:
    """Show a value as far as it fits into a sentence."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"


def _listed(values: list[Any]) -> str:
    text = printable(", ".join(map(str, values)))
    return text if len(text) <= LISTED_CHARACTERS else f"{text[: LISTED_CHARACTERS - 1]}…"


def _depth(error: ValidationError) -> int:
    return len(error.absolute_path)


def _other_kind(found: list[ValidationError]) -> bool:
    """True if a form is about another kind of value altogether."""
    return any(each.validator in {"type", None} and not each.path for each in found)


def _wrong_type(value: Any, wanted: Any) -> str:
    names = wanted if isinstance(wanted, list) else [wanted]
    kinds = [_TYPES.get(n, n) if isinstance(n, str) else "what it describes" for n in names]
    return f"must be {' or '.join(kinds)}, but is {kind(value)}"


def _wrong_format(value: Any, wanted: Any) -> str:
    what = "pattern of ECMA-262 (JavaScript)" if wanted == "regex" else printable(wanted)
    return f"is {shown(value)}, which is no {what}"


_SENTENCES: dict[str, Callable[[Any, Any], str]] = {
    "type": _wrong_type,
    "enum": lambda value, wanted: f"is {shown(value)}, but must be one of {_listed(wanted)}",
    "const": lambda value, wanted: f"is {shown(value)}, but must be {shown(wanted)}",
    "format": _wrong_format,
    "pattern": lambda value, wanted: f"is {shown(value)}, which does not match {printable(wanted)}",
    "minimum": lambda value, wanted: f"is {shown(value)}, but must be at least {wanted}",
    "maximum": lambda value, wanted: f"is {shown(value)}, but must be at most {wanted}",
    "exclusiveMinimum": lambda value, wanted: f"is {shown(value)}, but must be more than {wanted}",
    "exclusiveMaximum": lambda value, wanted: f"is {shown(value)}, but must be less than {wanted}",
    "multipleOf": lambda value, wanted: f"is {shown(value)}, which is no multiple of {wanted}",
    "divisibleBy": lambda value, wanted: f"is {shown(value)}, which is no multiple of {wanted}",
    "minLength": lambda value, wanted: f"is {shown(value)}, shorter than {wanted} characters",
    "maxLength": lambda value, wanted: f"is {shown(value)}, longer than {wanted} characters",
    "minItems": lambda value, wanted: f"has {len(value)} entries, but needs at least {wanted}",
    "maxItems": lambda value, wanted: f"has {len(value)} entries, but at most {wanted} are allowed",
    "minProperties": lambda value, wanted: f"has {len(value)} fields, but needs at least {wanted}",
    "maxProperties": lambda value, wanted: (
        f"has {len(value)} fields, but at most {wanted} are allowed"
    ),
    "uniqueItems": lambda *_: "has entries that are equal",
    "not": lambda *_: "is of the form that must not be",
    "anyOf": lambda _, forms: f"fits none of the {len(forms)} forms that are allowed",
    "oneOf": lambda _, forms: f"does not fit exactly one of the {len(forms)} forms",
    "contains": lambda *_: "does not have the entries that it must have",
    "additionalProperties": lambda *_: "has fields that the schema does not know",
    "unevaluatedProperties": lambda *_: "is a field that the schema does not know",
}
