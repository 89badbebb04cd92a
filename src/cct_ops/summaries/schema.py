"""
A summary against its JSON Schema: every error with its place and a plain sentence.

The draft is the one that ``$schema`` names, and formats count: ``date-time`` is checked, not just
noted. Nothing is ever fetched for a reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jsonschema import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from cct_ops.errors import BadConfiguration
from cct_ops.models.summary import Problem
from cct_ops.summaries.documents import Document, kind

SHOWN_CHARACTERS = 80
_ROOT = "(top level)"
_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
}


def validator(schema: Document, where: str) -> Validator:
    """
    Return the validator of the schema's own draft.

    Raises ``BadConfiguration`` when the draft is unknown or the schema itself is wrong.
    """
    named = schema.get("$schema")
    draft = validator_for(schema, default=Draft202012Validator if named is None else None)
    if draft is None:
        raise BadConfiguration(f"{where}: $schema names no draft that is known: {_shown(named)}.")
    try:
        draft.check_schema(schema)
    except SchemaError as error:
        raise BadConfiguration(
            f"{where}: {_path(error)}: not a valid schema: {_sentence(error)}."
        ) from error
    made: Validator = draft(schema, registry=Registry(), format_checker=draft.FORMAT_CHECKER)
    return made


def problems(schema: Validator, summary: Document, name: str) -> tuple[Problem, ...]:
    """
    Return every violation of the schema, in the order of the summary.

    Raises ``BadConfiguration`` when the schema refers to something that it does not contain.
    """
    try:
        found = sorted(schema.iter_errors(summary), key=lambda error: error.json_path)
    except Unresolvable as error:
        raise BadConfiguration(
            f"The schema refers to {_shown(error.ref)}, which is not in it; nothing is fetched."
        ) from error
    return tuple(
        Problem(summary=name, path=path, rule=str(error.validator), sentence=f"{sentence}.")
        for error in found
        for path, sentence in _split(error)
    )


def unexpected(error: ValidationError) -> list[str]:
    """Return the names that ``additionalProperties`` refuses at the error's place."""
    known = error.schema.get("properties", {})
    return [name for name in error.instance if name not in known]


def _split(error: ValidationError) -> Iterable[tuple[str, str]]:
    """Yield place and sentence: fields too many and too few each get their own place."""
    if error.validator == "additionalProperties" and error.validator_value is False:
        for name in unexpected(error):
            yield _path(error, name), "the schema does not know this field"
    elif error.validator == "required":
        # jsonschema reports each missing name on its own, and says which in its message only.
        name = error.message.removesuffix(" is a required property").strip("'\"")
        yield _path(error, name), "is missing"
    else:
        yield _path(error), _sentence(error)


def _path(error: ValidationError | SchemaError, *more: str) -> str:
    inside = error.json_path.removeprefix("$").removeprefix(".")
    return ".".join(part for part in (inside, *more) if part) or _ROOT


def _sentence(error: ValidationError | SchemaError) -> str:
    say = _SENTENCES.get(str(error.validator))
    if say is not None:
        return say(error.instance, error.validator_value)
    return (
        error.message if len(error.message) < 2 * SHOWN_CHARACTERS else f"breaks {error.validator}"
    )


def _wrong_type(value: Any, wanted: Any) -> str:
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    return f"must be {' or '.join(_TYPES.get(n, str(n)) for n in names)}, but is {kind(value)}"


_SENTENCES: dict[str, Callable[[Any, Any], str]] = {
    "type": _wrong_type,
    "enum": lambda value, wanted: (
        f"is {_shown(value)}, but must be one of {', '.join(map(str, wanted))}"
    ),
    "const": lambda value, wanted: f"is {_shown(value)}, but must be {_shown(wanted)}",
    "format": lambda value, wanted: f"is {_shown(value)}, which is no {wanted}",
    "pattern": lambda value, wanted: f"is {_shown(value)}, which does not match {wanted}",
    "minimum": lambda value, wanted: f"is {value}, but must be at least {wanted}",
    "maximum": lambda value, wanted: f"is {value}, but must be at most {wanted}",
    "exclusiveMinimum": lambda value, wanted: f"is {value}, but must be more than {wanted}",
    "exclusiveMaximum": lambda value, wanted: f"is {value}, but must be less than {wanted}",
    "minLength": lambda value, wanted: f"is {_shown(value)}, shorter than {wanted} characters",
    "maxLength": lambda value, wanted: f"is {_shown(value)}, longer than {wanted} characters",
    "minItems": lambda value, wanted: f"has {len(value)} entries, but needs at least {wanted}",
    "maxItems": lambda value, wanted: f"has {len(value)} entries, but at most {wanted} are allowed",
}


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
