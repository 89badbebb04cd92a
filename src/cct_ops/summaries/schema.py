"""
A summary against its JSON Schema: every error with its place and a plain sentence.

The draft is the one that ``$schema`` names, and formats count: ``date-time`` is checked, not just
noted. Nothing is ever fetched for a reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jsonschema import ValidationError
from jsonschema.protocols import Validator
from referencing.exceptions import Unresolvable

from cct_ops.errors import BadConfiguration
from cct_ops.models.summary import Problem
from cct_ops.summaries import drafts
from cct_ops.summaries.documents import Document, path_of
from cct_ops.summaries.patterns import BadPattern
from cct_ops.summaries.positions import walk
from cct_ops.summaries.sentences import innermost, missing_name, sentence, shown

UNKNOWN_FIELD = "the schema does not know this field"


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
            if isinstance(part, dict):
                _refuse_references(part, where)
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


def _refuse_references(part: dict[str, Any], where: str) -> None:
    """Refuse a reference that is no text, which the oldest drafts do not do themselves."""
    for keyword in drafts.REFERENCES:
        if keyword in part and not isinstance(part[keyword], str):
            raise BadConfiguration(f"{where}: not a valid schema: a {keyword} is no text.")


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
    except BadPattern as error:
        raise BadConfiguration(f"The schema cannot be used: {error}.") from error
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
        yield _missing(error), "is missing"
    elif (inner := innermost(error)) is not error:
        place, said = next(iter(_split(inner)))
        yield _path(error), f"{sentence(error)}; by the closest of them {place} {said}"
    else:
        yield _path(error), sentence(error)


def _missing(error: ValidationError) -> str:
    # Draft 3 says it at the missing field itself, the later ones at the object.
    there = isinstance(error.validator_value, bool)
    return _path(error) if there else _path(error, missing_name(error))


def _path(error: ValidationError, *more: str) -> str:
    return path_of((*error.absolute_path, *more))
