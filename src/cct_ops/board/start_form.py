"""
The form that starts a playbook: its fields, made from the schema of its deployment's parameters.

It offers only what makes sense: no mode above the ceiling, no target that policy does not list,
things that are there to be picked. What was typed goes back through the same schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from cct_ops.board.page import Form
from cct_ops.models.base import Frozen, matches
from cct_ops.models.run import Mode
from cct_ops.models.since import Since

PREFIX = "p-"
"""How the names of fields begin that are parameters."""

_SINCE: str = next(each.pattern for each in Since.__metadata__[0].metadata)  # type: ignore[attr-defined]
_SPANS = {"12h": "12 hours", "1d": "1 day", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
_INPUTS = {"date": "date", "date-time": "datetime-local"}

Schema = Mapping[str, Any]


class Kind(StrEnum):
    """The control that a field is."""

    CHOICE = "choice"
    MANY = "many"
    NUMBER = "number"
    TEXT = "text"
    YES = "yes"
    SINCE = "since"


class Choice(Frozen):
    """Something that can be picked, and what people are shown of it."""

    value: str
    label: str


class Field(Frozen):
    """One parameter as people meet it; ``only_for`` is the choice elsewhere that it belongs to."""

    name: str
    title: str
    about: str
    kind: Kind
    required: bool = False
    default: str = ""
    choices: tuple[Choice, ...] = ()
    least: int | float | None = None
    most: int | float | None = None
    whole: bool = False
    longest: int | None = None
    input: str = "text"
    only_for: str = ""

    @property
    def id(self) -> str:
        """The name in the form."""
        return f"{PREFIX}{self.name}"


class Offered(Frozen):
    """What policy and ledger know: the ceiling, the targets, and by field what is there."""

    ceiling: Mode
    targets: tuple[str, ...] = ()
    there: Mapping[str, tuple[Choice, ...]] = {}
    picked: frozenset[str] = frozenset()
    """Fields that take nothing but what is there."""


def fields(schema: Schema, offered: Offered) -> tuple[Field, ...]:
    """Return the fields, in the order in which people think of them."""
    properties: Mapping[str, Schema] = schema.get("properties", {})
    order = sorted(properties, key=lambda name: properties[name].get("position", 0))
    required = set(schema.get("required", ()))
    made = [_field(each, properties[each], schema, offered, each in required) for each in order]
    known = [choice.value for each in made if each.kind is Kind.CHOICE for choice in each.choices]
    return tuple(each.model_copy(update={"only_for": _belongs(each, known)}) for each in made)


def typed(made: Sequence[Field], form: Form) -> dict[str, str]:
    """Return what was filled in, by parameter, as it is typed after `cct-ops run`."""
    return dict(_typed(made, form))


def _typed(made: Sequence[Field], form: Form) -> Iterator[tuple[str, str]]:
    for each in made:
        text = form.optional(each.id)
        match each.kind:
            case Kind.YES:
                yield each.name, "true" if text else "false"
            case Kind.MANY:
                marked = [
                    one.value for one in each.choices if form.optional(f"{each.id}.{one.value}")
                ]
                if marked or each.required:
                    yield each.name, json.dumps(marked)
            case Kind.SINCE:
                if said := form.optional(f"{each.id}.day") or text:
                    yield each.name, said
            case _:
                if text:
                    yield each.name, text


def _field(name: str, given: Schema, whole: Schema, offered: Offered, required: bool) -> Field:
    # Imported late, because it brings the validator of schemas.
    from cct_ops.clients.parameters import resolved

    part = {**resolved(given, whole), **given}
    item = resolved(part.get("items", {}), whole)
    kind = _kind(name, part, item, offered)
    default = part.get("default")
    common = Field(
        name=name,
        title=str(part.get("title", name)),
        about=str(part.get("description", "")),
        kind=kind,
        required=required,
        default="" if default in (None, [], False) else str(default),
        longest=part.get("maxLength"),
    )
    match kind:
        case Kind.CHOICE:
            return common.model_copy(update=_choices(name, part, common.default, offered))
        case Kind.MANY:
            return common.model_copy(update={"choices": _plain(item["enum"])})
        case Kind.NUMBER:
            least, above = part.get("minimum"), part.get("exclusiveMinimum")
            return common.model_copy(
                update={
                    "least": least if above is None else above,
                    "most": part.get("maximum"),
                    "whole": part.get("type") == "integer",
                }
            )
        case Kind.SINCE:
            spans = dict(_SPANS)
            spans.setdefault(common.default, common.default)
            shown = tuple(Choice(value=each, label=words) for each, words in spans.items())
            return common.model_copy(update={"choices": shown})
        case _:
            there = offered.there.get(name, ())
            if name == "target":
                there = _plain(offered.targets)
            kind_of_input = _INPUTS.get(str(part.get("format")), "text")
            return common.model_copy(update={"choices": there, "input": kind_of_input})


def _kind(name: str, part: Schema, item: Schema, offered: Offered) -> Kind:
    if "enum" in part or name in offered.picked:
        return Kind.CHOICE
    if "enum" in item:
        return Kind.MANY
    if part.get("pattern") == _SINCE:
        return Kind.SINCE
    kinds = {"integer": Kind.NUMBER, "number": Kind.NUMBER, "boolean": Kind.YES}
    return kinds.get(str(part.get("type")), Kind.TEXT)


def _choices(name: str, part: Schema, default: str, offered: Offered) -> dict[str, object]:
    """Return what there is to choose, without what policy would not let through anyway."""
    if name in offered.picked:
        return {"choices": offered.there.get(name, ())}
    values = [str(each) for each in part["enum"]]
    if name == "target" and offered.targets:
        values = [each for each in values if matches(each, offered.targets)]
    if name == "mode":
        values = [each for each in values if Mode(each).rank <= offered.ceiling.rank]
        default = default if default in values else offered.ceiling.value
    return {"choices": _plain(values), "default": default}


def _plain(values: Sequence[Any]) -> tuple[Choice, ...]:
    return tuple(Choice(value=str(each), label=str(each)) for each in values)


def _belongs(field: Field, known: Sequence[str]) -> str:
    """Return the choice for which alone the field is, as its description opens with it."""
    words = field.about.removeprefix("For ")
    found = [
        each
        for each in known
        if words != field.about and words.startswith((f"{each}:", f"{each},"))
    ]
    return found[0] if found else ""
