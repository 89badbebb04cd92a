"""
A summary against its JSON Schema: every error with its place and a plain sentence.

The draft is the one that ``$schema`` names, and formats count: ``date-time`` is checked, not just
noted. Nothing is ever fetched for a reference.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from jsonschema import ValidationError
from jsonschema.protocols import Validator
from referencing.exceptions import Unresolvable

from cct_ops.errors import BadConfiguration
from cct_ops.models.summary import Problem
from cct_ops.summaries import drafts
from cct_ops.summaries.documents import KINDS, SHOWN_CHARACTERS, Document, kind, path_of, printable
from cct_ops.summaries.positions import walk

LISTED_CHARACTERS = 300
UNKNOWN_FIELD = "the schema does not know this field"


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
    kinds = [KINDS.get(n, n) if isinstance(n, str) else "what it describes" for n in names]
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


def validator(schema: Document, where: str) -> Validator:
    """
    Return the validator of the schema's own draft.

    Raises ``BadConfiguration`` when the draft is unknown or the schema itself is wrong.
    """
    draft = drafts.draft_of(schema)
    if draft is None:
        raise BadConfiguration(
            f"{where}: $schema names no draft that is known: {shown(schema.get('$schema'))}."
        )
    made = drafts.checker(draft, schema)
    known = drafts.checker(draft, draft.META_SCHEMA)
    checked: set[int] = set()
    try:
        for part, _, reference in walk(made):
            if (part is schema or reference) and id(part) not in checked:
                checked.add(id(part))
                _refuse(next(known.iter_errors(part), None), where, reference)
            for keyword in drafts.REFERENCES:  # the oldest drafts do not refuse such a one
                if isinstance(part, dict) and not isinstance(part.get(keyword, ""), str):
                    raise BadConfiguration(f"{where}: not a valid schema: a {keyword} is no text.")
    except RecursionError as error:
        raise BadConfiguration(f"{where}: is nested too deeply to be checked.") from error
    except ValueError as error:
        raise BadConfiguration(f"{where}: not a valid schema: {error}.") from error
    return made


def _refuse(wrong: ValidationError | None, where: str, reference: str | None) -> None:
    """Refuse what is no schema: the document, or that to which a reference leads."""
    if wrong is None:
        return
    deepest = innermost(wrong)
    there = f" (where the reference {shown(reference)} leads)" if reference else ""
    raise BadConfiguration(
        f"{where}: {_path(deepest)}{there}: not a valid schema: {sentence(deepest)}."
    )


def problems(schema: Validator, summary: Document, name: str) -> tuple[Problem, ...]:
    """
    Return every violation of the schema, sorted by place.

    Raises ``BadConfiguration`` when the schema refers to something that it does not contain.
    """
    found = sorted(errors(schema, summary), key=lambda error: error.json_path)
    return tuple(
        Problem(summary=name, path=path, rule=str(error.validator), sentence=f"{said}.")
        for error in found
        for path, said in _split(error)
    )


def errors(schema: Validator, summary: Document) -> list[ValidationError]:
    """Return every error as ``jsonschema`` has it; raises ``BadConfiguration``."""
    try:
        return list(schema.iter_errors(summary))
    except Unresolvable as error:
        raise BadConfiguration(
            f"The schema refers to {shown(error.ref)}, which is not in it; nothing is fetched."
        ) from error
    except drafts.Endless as error:
        raise BadConfiguration(f"The schema has no end: {error}.") from error
    except ValueError as error:
        raise BadConfiguration(f"The schema cannot be used: {error}.") from error
    except RecursionError as error:
        raise BadConfiguration(
            "The schema's references nest too deeply to be followed to their end."
        ) from error


def unknown_fields(error: ValidationError) -> list[str]:
    """Return the names that a closed object refuses; none if the error is of another kind."""
    if error.validator != "additionalProperties" or error.validator_value is not False:
        return []
    return drafts.unknown_names(error.instance, error.schema)


def _split(error: ValidationError) -> Iterable[tuple[str, str]]:
    """Yield place and sentence: fields too many and too few each get their own place."""
    if names := unknown_fields(error):
        yield from ((_path(error, name), UNKNOWN_FIELD) for name in names)
    elif error.validator == "unevaluatedProperties":
        yield _path(error), UNKNOWN_FIELD
    elif error.validator == "required":
        # Draft 3 says it at the missing field itself, the later ones at the object.
        there = isinstance(error.validator_value, bool)
        yield _path(error, *(() if there else (missing_name(error),))), "is missing"
    elif (inner := innermost(error)) is not error:
        place, said = next(iter(_split(inner)))
        yield _path(error), f"{sentence(error)}; by the closest of them {place} {said}"
    else:
        yield _path(error), sentence(error)


def _path(error: ValidationError, *more: str) -> str:
    return path_of((*error.absolute_path, *more))
