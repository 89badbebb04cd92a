"""What differs between two versions of a schema, and whether the newer one refuses more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cct_ops.models.base import Frozen

_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_SAYS_NOTHING = frozenset({"title", "description", "$comment", "examples", "default", "$id"})
_JUDGED = frozenset(
    {"type", "enum", "required", "properties", "items", "additionalProperties"}
    | set(_LOWER_BOUNDS)
    | set(_UPPER_BOUNDS)
)


class Difference(Frozen):
    """One difference; ``breaking`` when something that was valid no longer is."""

    path: str
    sentence: str
    breaking: bool


def differences(old: Any, new: Any, path: str = "") -> tuple[Difference, ...]:
    """
    Return what differs, outermost first.

    A keyword whose change cannot be judged counts as breaking: that is the careful answer.
    """
    return tuple(_differences(old, new, path))


def _differences(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if old == new:
        return
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield _found(path, f"changed from {old!r} to {new!r}", breaking=new is not True)
        return
    yield from _types(old, new, path)
    yield from _values(old, new, path)
    yield from _required(old, new, path)
    yield from _properties(old, new, path)
    yield from _bounds(old, new, path)
    if old.get("items", {}) != new.get("items", {}):
        yield from _differences(old.get("items", {}), new.get("items", {}), f"{path}[]")
    for keyword in sorted((old.keys() | new.keys()) - _JUDGED - _SAYS_NOTHING):
        if old.get(keyword) != new.get(keyword):
            yield _found(path, f"{keyword} changed", breaking=keyword in new)


def _types(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Difference]:
    before, after = _names(old.get("type")), _names(new.get("type"))
    if before == after:
        return
    wider = not after or (bool(before) and before <= _with_integers(after))
    yield _found(
        path,
        f"type changed from {_listed(before)} to {_listed(after)}",
        breaking=not wider,
    )


def _values(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Difference]:
    before, after = old.get("enum"), new.get("enum")
    if before == after:
        return
    if after is None:
        yield _found(path, "may have any value now", breaking=False)
    elif before is None:
        yield _found(path, f"may only be one of {_listed(after)} now", breaking=True)
    else:
        gone = [value for value in before if value not in after]
        more = [value for value in after if value not in before]
        if gone:
            yield _found(path, f"may no longer be {_listed(gone)}", breaking=True)
        if more:
            yield _found(path, f"may also be {_listed(more)}", breaking=False)


def _required(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Difference]:
    before, after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(after - before):
        yield _found(_join(path, name), "is required now", breaking=True)
    for name in sorted(before - after):
        yield _found(_join(path, name), "is no longer required", breaking=False)


def _properties(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Difference]:
    before, after = old.get("properties", {}), new.get("properties", {})
    was_open, is_open = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if was_open != is_open:
        yield _found(
            path, "further fields are treated differently", breaking=is_open not in (True, {})
        )
    for name in before.keys() - after.keys():
        yield _found(
            _join(path, name), "is no longer described", breaking=is_open not in (True, {})
        )
    for name in after.keys() - before.keys():
        # Where any field was allowed, describing one forbids what does not fit the description.
        yield _found(_join(path, name), "is new", breaking=was_open is not False)
    for name in before.keys() & after.keys():
        yield from _differences(before[name], after[name], _join(path, name))


def _bounds(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Difference]:
    for keyword in (*_LOWER_BOUNDS, *_UPPER_BOUNDS):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        if after is None or before is None:
            tighter = after is not None
        else:
            tighter = after > before if keyword in _LOWER_BOUNDS else after < before
        yield _found(path, f"{keyword} changed from {before} to {after}", breaking=tighter)


def _names(kind: Any) -> frozenset[str]:
    return frozenset() if kind is None else frozenset([kind] if isinstance(kind, str) else kind)


def _with_integers(names: frozenset[str]) -> frozenset[str]:
    return names | {"integer"} if "number" in names else names


def _listed(values: Any) -> str:
    return ", ".join(sorted(map(str, values))) or "anything"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _found(path: str, sentence: str, *, breaking: bool) -> Difference:
    return Difference(path=path or "(top level)", sentence=sentence, breaking=breaking)
