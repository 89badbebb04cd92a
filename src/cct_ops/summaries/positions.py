"""
Where in a schema each part of it stands, and whether it may accept more without a change of sense.

A part that is applied as it is (a field, an entry, one of ``anyOf``) may: what was valid stays so.
Under ``not``, ``oneOf`` or ``if`` the same addition can refuse what was valid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from jsonschema.protocols import Validator
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from cct_ops.summaries import documents
from cct_ops.summaries.documents import Document, JsonPath
from cct_ops.summaries.drafts import REFERENCES

_MAPS = frozenset({"dependencies", "dependentSchemas", "patternProperties", "properties"})
# Where accepting more can mean refusing more.
_CONTRARY = frozenset({"disallow", "if", "not", "oneOf", "type"})
_ONE_OR_SEVERAL = _CONTRARY | {
    "additionalItems", "additionalProperties", "allOf", "anyOf", "contains", "else", "extends",
    "items", "prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
}  # fmt: skip


def places(schema: Document) -> dict[int, JsonPath]:
    """Return the place of every object in a schema by its identity."""
    return {id(part): place for place, part in documents.walk(schema) if isinstance(part, dict)}


def doubts(schema: Validator) -> dict[int, str]:
    """Return why a part, by its identity, cannot be said to accept more without consequence."""
    found: dict[int, str] = {}
    for reached in walk(schema):
        if reached.doubt:
            found.setdefault(id(reached.part), reached.doubt)
    return found


class Reached(NamedTuple):
    """A part that a schema applies, why it is in doubt, and the reference that leads to it."""

    part: Any
    doubt: str
    reference: str | None


def walk(schema: Validator) -> Iterator[Reached]:
    """
    Yield every part that a schema applies, once for each way to use it.

    A part is looked into after it was yielded, so that who asks can refuse it before.
    """
    applicable = type(schema)._APPLICABLE_VALIDATORS  # noqa: SLF001 -- nothing else shows it
    dialect = specification_with(str(schema.META_SCHEMA["$schema"]))
    seen: set[tuple[int, str]] = set()
    root = schema._resolver  # noqa: SLF001 -- made by the validator from the whole document
    waiting: list[tuple[Reached, Any]] = [(Reached(schema.schema, "", None), root)]
    while waiting:
        here, outside = waiting.pop()
        part, doubt, _ = here
        if (id(part), doubt) in seen:
            continue
        seen.add((id(part), doubt))
        yield here
        if not isinstance(part, dict):
            continue
        resolver = outside.in_subresource(dialect.create_resource(part))
        keywords = dict(applicable(part))  # beside $ref the older drafts apply nothing
        for keyword in REFERENCES:
            if keyword in keywords and keyword in schema.VALIDATORS:
                target = keywords[keyword] if keyword != "$recursiveRef" else "#"
                more = "" if keyword == "$ref" else f"{keyword} may lead to it"
                with suppress(Unresolvable):
                    resolved = resolver.lookup(target)
                    there = Reached(resolved.contents, doubt or more, target)
                    waiting.append((there, resolved.resolver))
        for keyword, subschema in _applied(keywords, schema.VALIDATORS):
            contrary = keyword in _CONTRARY or (keyword == "contains" and "maxContains" in part)
            more = f"it is used under {keyword}" if contrary else ""
            waiting.append((Reached(subschema, doubt or more, None), resolver))


def _applied(keywords: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the subschemas that a schema applies, each with the keyword that does."""
    for keyword, value in keywords.items():
        if keyword not in known and not (keyword in {"then", "else"} and "if" in known):
            continue
        if keyword in _MAPS and isinstance(value, dict):
            several = list(value.values())
        elif keyword in _ONE_OR_SEVERAL:
            several = value if isinstance(value, list) else [value]
        else:
            continue
        # Words stand there as well: the names of types, or of fields that others depend on.
        yield from ((keyword, each) for each in several if isinstance(each, dict | bool))
