"""
JSON Schema's drafts as they are written, on the validators of ``jsonschema``.

Those read patterns as Python's, reckon with rounded numbers, and do not end where a schema refers
to itself; and a subschema with ``$schema`` would leave what is put right here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

from jsonschema import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, extend, validator_for
from referencing import Registry
from referencing.jsonschema import lookup_recursive_ref

from cct_ops.summaries.patterns import finds, formats

Errors = Iterable[ValidationError]
Keyword = Callable[[Any, Any, Any, Any], Errors]

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class Endless(ValueError):
    """A schema refers to itself at the same place of the document again."""


def draft_of(schema: dict[str, Any]) -> type[Validator] | None:
    """Return the class of the draft that ``$schema`` names, None if it names none that is known."""
    named = schema.get("$schema", Draft202012Validator.META_SCHEMA["$schema"])
    known = validator_for({"$schema": named}, default=None) if isinstance(named, str) else None
    if known is None:
        return None
    own: dict[str, Keyword] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "unevaluatedProperties": _unevaluated_properties,
        "propertyNames": _property_names,
        "multipleOf": _multiple_of,
        "divisibleBy": _multiple_of,
        "uniqueItems": _unique_items,
    }
    keywords = {name: each for name, each in own.items() if name in known.VALIDATORS}
    under_way: set[tuple[int, int]] = set()
    for name in REFERENCES:
        if name in known.VALIDATORS:
            keywords[name] = _ending(known.VALIDATORS[name], under_way)
    made: type[Validator] = extend(
        known, validators=keywords, format_checker=formats(known.FORMAT_CHECKER)
    )
    made.evolve = _evolve
    made.descend = _descending(made.descend)
    return made


def checker(draft: type[Validator], schema: Any) -> Validator:
    """Return the validator of a schema; the drafts' own schemas are known, nothing is fetched."""
    return draft(schema, registry=Registry(), format_checker=draft.FORMAT_CHECKER)


def unknown_names(instance: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """Return the names that neither ``properties`` nor ``patternProperties`` describes."""
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    return [
        name
        for name in instance
        if name not in named and not any(finds(pattern, name) for pattern in patterns)
    ]


def _evolve(self: Any, **changes: Any) -> Any:
    """Return the same validator with changes; ``jsonschema`` would look at ``$schema`` again."""
    kept = {
        "schema": self.schema,
        "resolver": self._ref_resolver,
        "format_checker": self.format_checker,
        "registry": self._registry,
        "_resolver": self._resolver,
    }
    return type(self)(**kept | changes)


def _descending(descend: Callable[..., Errors]) -> Callable[..., Errors]:
    """Give the place also where the schema is just ``false``; ``jsonschema`` forgets it there."""

    def descended(
        self: Any,
        instance: Any,
        schema: Any,
        path: Any = None,
        schema_path: Any = None,
        **more: Any,
    ) -> Errors:
        if schema is not False:
            return descend(self, instance, schema, path, schema_path, **more)
        return [
            ValidationError(
                "is not allowed",
                validator=None,
                validator_value=None,
                instance=instance,
                schema=False,
                path=() if path is None else (path,),
                schema_path=() if schema_path is None else (schema_path,),
            )
        ]

    return descended


def _ending(follow: Keyword, under_way: set[tuple[int, int]]) -> Keyword:
    """Follow a reference unless it is being followed already, for the same part of the document."""

    def followed(validator: Any, reference: Any, instance: Any, schema: Any) -> Errors:
        here = (id(schema), id(instance))
        if here in under_way:
            raise Endless(f"the reference {reference!r} leads back to itself")
        under_way.add(here)
        try:
            yield from follow(validator, reference, instance, schema)
        finally:
            under_way.discard(here)

    return followed


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Errors:
    if validator.is_type(instance, "string") and not finds(pattern, instance):
        yield ValidationError("does not match")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _: Any) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in patterns.items():
        for name, value in instance.items():
            if finds(pattern, name):
                yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    unknown = unknown_names(instance, schema)
    if allowed is False and unknown:
        yield ValidationError("there are unknown names")
    elif isinstance(allowed, dict):
        for name in unknown:
            yield from validator.descend(instance[name], allowed, path=name)


def _property_names(validator: Any, names: Any, instance: Any, _: Any) -> Errors:
    if validator.is_type(instance, "object"):
        for name in instance:
            yield from validator.descend(name, names, path=name)


def _multiple_of(validator: Any, step: Any, instance: Any, _: Any) -> Errors:
    if validator.is_type(instance, "number") and (_exact(instance) / _exact(step)).denominator != 1:
        yield ValidationError("is no multiple")


def _exact(number: float) -> Fraction:
    """Return what is written there: 0.01 is a hundredth, as no binary number is."""
    return Fraction(repr(number))


def _unique_items(validator: Any, wanted: Any, instance: Any, _: Any) -> Errors:
    if wanted and validator.is_type(instance, "array"):
        keys = [_key(item) for item in instance]
        if len(set(keys)) < len(keys):
            yield ValidationError("has entries that are equal")


def _key(value: Any) -> object:
    """Return something that is equal for equal values of JSON, where true is not 1."""
    match value:
        case bool():
            return ("truth", value)
        case dict():
            return ("object", frozenset((name, _key(each)) for name, each in value.items()))
        case list():
            return ("list", tuple(_key(each) for each in value))
        case _:
            return value


def _unevaluated_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    beside = {name: each for name, each in schema.items() if name != "unevaluatedProperties"}
    evaluated = set(_evaluated(validator, instance, beside))
    for name, value in instance.items():
        if name in evaluated:
            continue
        if allowed is False:
            yield ValidationError("is unknown", path=(name,), validator_value=False)
        else:
            yield from validator.descend(value, allowed, path=name)


def _evaluated(validator: Any, instance: dict[str, Any], schema: Any) -> Iterator[str]:
    """Yield the names that a schema which holds has looked at."""
    if not isinstance(schema, dict):
        return
    if "additionalProperties" in schema or "unevaluatedProperties" in schema:
        yield from instance
        return
    yield from set(instance) - set(unknown_names(instance, schema))
    for keyword in REFERENCES:
        if keyword in schema:
            resolver = validator._resolver  # noqa: SLF001 -- what its own keywords use
            found = (
                lookup_recursive_ref(resolver)
                if keyword == "$recursiveRef"
                else resolver.lookup(schema[keyword])
            )
            there = validator.evolve(schema=found.contents, _resolver=found.resolver)
            yield from _evaluated(there, instance, found.contents)
    for each in _holding(validator, instance, schema):
        yield from _evaluated(validator, instance, each)


def _holding(validator: Any, instance: dict[str, Any], schema: dict[str, Any]) -> Iterator[Any]:
    """Yield the subschemas for the same instance that hold."""

    def holds(subschema: Any) -> bool:
        return next(iter(validator.descend(instance, subschema)), None) is None

    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from (each for each in schema.get(keyword, ()) if holds(each))
    for name, each in schema.get("dependentSchemas", {}).items():
        if name in instance:
            yield each
    if "if" in schema:
        if holds(schema["if"]):
            yield schema["if"]
            yield schema.get("then", True)
        else:
            yield schema.get("else", True)
