"""
The form of a playbook: the schema of its parameters, as people meet it.

Prefect makes the schema from a flow's signature and docstring, with the names of parameters for
titles, and asks of a field that may stay empty whether it is a number or None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_UNITS = {"_ms": "ms", "_percent": "%", "_minutes": "minutes", "_seconds": "seconds", "_id": "id"}
_NULL = {"type": "null"}
# Up to here JSON counts exactly: what is bounded by it is a number like an id, not an amount.
_AS_JSON_COUNTS = 2**53 - 1


def form(schema: Schema) -> dict[str, Any]:
    """Return the schema with a title and a range for each field, and refusing all other fields."""
    fields = {name: _field(name, each) for name, each in schema.get("properties", {}).items()}
    return {**schema, "properties": fields, "additionalProperties": False}


def _field(name: str, given: Schema) -> dict[str, Any]:
    """Return a field that is left empty where it says nothing; Prefect then does not send it."""
    field = dict(given)
    kinds = [each for each in field.get("anyOf", ()) if each != _NULL]
    if len(kinds) == 1 and _NULL in field["anyOf"]:
        del field["anyOf"]
        field = {**kinds[0], **field}
    if "default" in field and field["default"] is None:
        del field["default"]
    if field.get("title", name) == name:
        field["title"] = _title(name)
    if bounds := _range(field):
        field["description"] = " ".join(filter(None, (field.get("description"), bounds)))
    return field


def _title(name: str) -> str:
    """Return a parameter's name in words, with its unit."""
    for ending, unit in _UNITS.items():
        if name.endswith(ending):
            return f"{_words(name.removesuffix(ending))} ({unit})"
    return _words(name)


def _words(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def _range(field: Schema) -> str:
    """Say which numbers a field takes; the UIs of Prefect show that only to who got it wrong."""
    least, above, most = (field.get(name) for name in ("minimum", "exclusiveMinimum", "maximum"))
    if most is None or most >= _AS_JSON_COUNTS:
        return ""
    if above is not None:
        return f"More than {above:g}, at most {most:g}."
    return "" if least is None else f"From {least:g} to {most:g}."
