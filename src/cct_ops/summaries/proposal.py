"""
A schema that accommodates the fields that summaries have and it does not know.

Only new fields are taken in, by the types that were seen. A wrong value stays wrong: that is for
the summary to put right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jsonpatch
from jsonpatch import JsonPointer

from cct_ops.models.summary import Change, Proposal
from cct_ops.summaries.documents import Document, JsonPath, json_type, path_of, pointer
from cct_ops.summaries.positions import doubts, places
from cct_ops.summaries.schema import errors, problems, unknown_fields, validator


def propose(schema: Document, summaries: Mapping[str, Document]) -> Proposal:
    """Return the additions to the schema that these summaries call for; there may be none."""
    checker = validator(schema, "schema")
    where = places(schema)
    wanted: dict[JsonPath, dict[str, list[Any]]] = {}
    parts: dict[JsonPath, int] = {}
    for summary in summaries.values():
        for error in errors(checker, summary):
            part = id(error.schema)
            # What is not in this document is a draft's own schema, which nobody extends.
            if part in where:
                for name in unknown_fields(error):
                    parts[where[part]] = part
                    fields = wanted.setdefault(where[part], {})
                    fields.setdefault(name, []).append(error.instance[name])

    changes = tuple(
        change
        for place, fields in sorted(wanted.items(), key=str)
        for change in _additions(schema, place, fields)
    )
    # Each field was refused before, so that the part accepts more; that can be too much elsewhere.
    known = doubts(checker)
    doubt = [f"{path_of(place)}: {known[part]}" for place, part in parts.items() if part in known]
    new = validator(apply(schema, changes), "the proposed schema")
    left = [each for name, summary in summaries.items() for each in problems(new, summary, name)]
    return Proposal(changes=changes, left=tuple(left), doubt="; ".join(sorted(doubt)) or None)


def apply(document: Document, changes: Sequence[Change]) -> Document:
    """Return a copy of the document with the changes made."""
    changed: Document = jsonpatch.apply_patch(document, [change.operation for change in changes])
    return changed


def _additions(schema: Document, place: JsonPath, fields: Mapping[str, list[Any]]) -> list[Change]:
    at = (*place, "properties")
    changes = []
    if "properties" not in JsonPointer.from_parts(place).resolve(schema):
        new = "fields are described"
        changes.append(Change(op="add", pointer=pointer(at), value={}, sentence=new))
    for name, values in sorted(fields.items()):
        described = _describe(values)
        changes.append(
            Change(
                op="add",
                pointer=pointer((*at, name)),
                value=described,
                sentence=f"{path_of((name,))} is allowed, as {described.get('type', 'anything')}",
            )
        )
    return changes


def _describe(values: Sequence[Any]) -> dict[str, Any]:
    """Return the narrowest plain description that fits all the values."""
    names = {json_type(value) for value in values}
    if "number" in names:
        names.discard("integer")
    if not names:
        return {}
    described: dict[str, Any] = {"type": sorted(names) if len(names) > 1 else names.pop()}
    objects = [value for value in values if isinstance(value, dict)]
    if any(objects):
        fields = sorted({name for each in objects for name in each})
        described["properties"] = {
            name: _describe([each[name] for each in objects if name in each]) for name in fields
        }
    items = [item for value in values if isinstance(value, list) for item in value]
    if items:
        described["items"] = _describe(items)
    return described
