"""
A summary made compliant: known synonyms, counts, rate and status; nothing is invented.

What cannot be put right from the summary itself is left and named.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import jsonpatch
from jsonschema import ValidationError
from jsonschema.protocols import Validator

from cct_ops.models.summary import Change, Proposal
from cct_ops.summaries.documents import Document
from cct_ops.summaries.rules import RATE_TOLERANCE_PERCENT, success_rate
from cct_ops.summaries.schema import problems, unexpected

_SYNONYMS = (
    frozenset({"pass", "passed", "ok", "success", "successful"}),
    frozenset({"fail", "failed", "failure", "error"}),
    frozenset({"warn", "warned", "warning", "neutral"}),
    frozenset({"skip", "skipped", "cancelled", "canceled"}),
    frozenset({"timeout", "timed_out"}),
)
_ADDED: dict[str, Any] = {"environment": {}, "error_type": "unknown"}
_COUNTS = ("tests_passed", "tests_failed", "tests_skipped", "tests_warned")

Place = Sequence[str | int]


def repair(schema: Validator, summary: Document, name: str) -> Proposal:
    """Return what makes the summary comply, and what then is still wrong with it."""
    repaired, changes = repaired_copy(schema, summary)
    return Proposal(
        changes=changes, left=problems(schema, repaired, name), backward_compatible=True
    )


def repaired_copy(schema: Validator, summary: Document) -> tuple[Document, tuple[Change, ...]]:
    """Return a repaired copy, and the changes in the order in which they were made."""
    repaired = copy.deepcopy(summary)
    changes: list[Change] = []
    for error in list(schema.iter_errors(summary)):
        fix = _FIXES.get(str(error.validator))
        if fix is not None:
            for change in fix(error, summary):
                _make(repaired, change)
                changes.append(change)
    for change in _agreeing(repaired):
        _make(repaired, change)
        changes.append(change)
    return repaired, tuple(changes)


def status_of(passed: int, failed: int, warned: int) -> str:
    """Return the status that agrees with the counts; no test at all is a warning."""
    if failed:
        return "FAIL"
    return "WARN" if warned or not passed else "PASS"


def _replace(error: ValidationError, value: Any) -> list[Change]:
    pointer = _pointer(error.absolute_path)
    said = f"{error.json_path.removeprefix('$.')} is {value!r} instead of {error.instance!r}"
    return [Change(op="replace", pointer=pointer, value=value, sentence=said)]


def _fix_value(error: ValidationError, _: Document) -> list[Change]:
    word = str(error.instance).lower()
    same = next((group for group in _SYNONYMS if word in group), frozenset({word}))
    for allowed in error.validator_value:
        if isinstance(allowed, str) and allowed.lower() in same:
            return _replace(error, allowed)
    return []


def _fix_type(error: ValidationError, _: Document) -> list[Change]:
    """A number that was written as a text is still that number."""
    if not isinstance(error.instance, str) or error.validator_value not in ("integer", "number"):
        return []
    try:
        value = int(error.instance) if error.validator_value == "integer" else float(error.instance)
    except ValueError:
        return []
    # NaN and the infinities read as numbers, and JSON has none of them.
    return _replace(error, value) if value - value == 0 else []


def _fix_pattern(error: ValidationError, _: Document) -> list[Change]:
    """An execution id of another form becomes a UUID, always the same one for the same id."""
    if list(error.absolute_path) != ["test_metadata", "execution_id"]:
        return []
    return _replace(error, str(uuid5(NAMESPACE_URL, f"test-execution:{error.instance}")))


def _fix_unknown(error: ValidationError, _: Document) -> list[Change]:
    if error.validator_value is not False:
        return []
    return [
        Change(
            op="remove",
            pointer=_pointer([*error.absolute_path, name]),
            sentence=f"{name} is left out, because the schema does not know it",
        )
        for name in unexpected(error)
    ]


def _fix_missing(error: ValidationError, _: Document) -> list[Change]:
    # One error per missing name, all with the same list: each adds the name that it is about.
    name = error.message.removesuffix(" is a required property").strip("'\"")
    if name not in _ADDED:
        return []
    pointer = _pointer([*error.absolute_path, name])
    said = f"{name} is added as {_ADDED[name]!r}"
    return [Change(op="add", pointer=pointer, value=_ADDED[name], sentence=said)]


_FIXES: dict[str, Callable[[ValidationError, Document], list[Change]]] = {
    "enum": _fix_value,
    "type": _fix_type,
    "pattern": _fix_pattern,
    "additionalProperties": _fix_unknown,
    "required": _fix_missing,
}


def _agreeing(summary: Document) -> list[Change]:
    """Return what makes total, rate and status agree with the counts, which are believed."""
    results = summary.get("test_results")
    if not isinstance(results, dict):
        return []
    passed, failed, skipped, warned = (results.get(name, 0) for name in _COUNTS)
    if any(type(count) is not int or count < 0 for count in (passed, failed, skipped, warned)):
        return []
    total = passed + failed + skipped
    rate = success_rate(total, passed)
    known, status = results.get("success_rate"), results.get("overall_status")
    right: dict[str, Any] = {}
    if results.get("total_tests") != total:
        right["total_tests"] = total
    if type(known) not in (int, float) or abs((known or 0) - rate) >= RATE_TOLERANCE_PERCENT:
        right["success_rate"] = rate
    if _disagrees(status, passed, failed, warned):
        right["overall_status"] = status_of(passed, failed, warned)
    return [
        Change(
            op="replace" if name in results else "add",
            pointer=f"/test_results/{name}",
            value=value,
            sentence=f"test_results.{name} is {value!r} instead of {results.get(name)!r}",
        )
        for name, value in right.items()
    ]


def _disagrees(status: Any, passed: int, failed: int, warned: int) -> bool:
    match status:
        case "PASS":
            return failed > 0 or passed == 0
        case "FAIL":
            return failed == 0
        case "WARN":
            return passed > 0 and failed + warned == 0
        case "ERROR" | "TIMEOUT":
            return False
        case _:
            return True


def _make(document: Document, change: Change) -> None:
    """Make one change in place."""
    jsonpatch.apply_patch(document, [change.operation], in_place=True)


def _pointer(place: Place) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place)
