"""
A summary made compliant: known synonyms, counts, rate and status; nothing is invented.

What cannot be put right from the summary itself is left and named.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import jsonpatch
from jsonschema import ValidationError
from jsonschema.protocols import Validator

from cct_ops.models.summary import Change, Proposal
from cct_ops.summaries.documents import Document, path_of, pointer
from cct_ops.summaries.rules import MOST_TESTS, RATE_TOLERANCE_PERCENT, success_rate
from cct_ops.summaries.schema import errors, missing_name, problems, shown, unknown_fields

_SYNONYMS = (
    frozenset({"pass", "passed", "ok", "success", "successful"}),
    frozenset({"fail", "failed", "failure", "error"}),
    frozenset({"warn", "warned", "warning", "neutral"}),
    frozenset({"skip", "skipped", "cancelled", "canceled"}),
    frozenset({"timeout", "timed_out"}),
)
_ADDED: dict[str, Any] = {"environment": {}, "error_type": "unknown"}
_COUNTS = ("tests_passed", "tests_failed", "tests_skipped", "tests_warned")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})((?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?)")

Fix = Callable[[ValidationError], list[Change]]


def repair(schema: Validator, summary: Document, name: str) -> Proposal:
    """Return what makes the summary comply, and what then is still wrong with it."""
    repaired, changes = repaired_copy(schema, summary)
    return Proposal(changes=changes, left=problems(schema, repaired, name))


def repaired_copy(schema: Validator, summary: Document) -> tuple[Document, tuple[Change, ...]]:
    """Return a repaired copy, and the changes in the order in which they were made."""
    repaired = copy.deepcopy(summary)
    changes = _make(repaired, _fixes(schema, repaired, _VALUES))
    changes += _make(repaired, _agreeing(repaired))
    # Last, because values decide which parts of a schema apply, and so which fields it knows.
    changes += _make(repaired, _fixes(schema, repaired, _FIELDS))
    return repaired, tuple(changes)


def status_of(passed: int, failed: int, warned: int) -> str:
    """Return the status that agrees with the counts; no test at all is a warning."""
    if failed:
        return "FAIL"
    return "WARN" if warned or not passed else "PASS"


def _fixes(schema: Validator, summary: Document, known: Mapping[str, Fix]) -> list[Change]:
    return [
        change
        for error in errors(schema, summary)
        # There the error is about a name, and what has the name is another matter.
        if str(error.validator) in known and "propertyNames" not in error.absolute_schema_path
        for change in known[str(error.validator)](error)
    ]


def _replace(error: ValidationError, value: Any) -> list[Change]:
    said = f"{path_of(tuple(error.absolute_path))} is {value!r} instead of {shown(error.instance)}"
    return [Change(op="replace", pointer=pointer(error.absolute_path), value=value, sentence=said)]


def _fix_value(error: ValidationError) -> list[Change]:
    if not isinstance(error.instance, str):
        return []
    word = error.instance.lower()
    same = next((group for group in _SYNONYMS if word in group), frozenset({word}))
    for allowed in error.validator_value:
        if isinstance(allowed, str) and allowed.lower() in same:
            return _replace(error, allowed)
    return []


def _fix_type(error: ValidationError) -> list[Change]:
    """A number that was written as a text is still that number, if JSON writes it so."""
    found = _NUMBER.fullmatch(error.instance) if isinstance(error.instance, str) else None
    if found is None:
        return []
    if error.validator_value == "integer" and not found[2]:
        return _replace(error, int(error.instance))
    return _replace(error, float(error.instance)) if error.validator_value == "number" else []


def _fix_pattern(error: ValidationError) -> list[Change]:
    """An execution id of another form becomes a UUID, always the same one for the same id."""
    if list(error.absolute_path) != ["test_metadata", "execution_id"]:
        return []
    return _replace(error, str(uuid5(NAMESPACE_URL, f"test-execution:{error.instance}")))


def _fix_unknown(error: ValidationError) -> list[Change]:
    changes = []
    for name in unknown_fields(error):
        place = (*error.absolute_path, name)
        said = (
            f"{path_of(place)} is left out, because the schema does not know it;"
            f" it was {shown(error.instance[name])}"
        )
        changes.append(Change(op="remove", pointer=pointer(place), sentence=said))
    return changes


def _fix_missing(error: ValidationError) -> list[Change]:
    # One error per missing name, all with the same list: each adds the name that it is about.
    name = missing_name(error)
    if name not in _ADDED or not isinstance(error.validator_value, list):
        return []
    place = (*error.absolute_path, name)
    said = f"{path_of(place)} is added as {_ADDED[name]!r}"
    return [Change(op="add", pointer=pointer(place), value=_ADDED[name], sentence=said)]


_VALUES: dict[str, Fix] = {
    "enum": _fix_value,
    "type": _fix_type,
    "pattern": _fix_pattern,
    "required": _fix_missing,
}
_FIELDS: dict[str, Fix] = {"additionalProperties": _fix_unknown}


def _agreeing(summary: Document) -> list[Change]:
    """Return what makes total, rate and status agree with the counts, which are believed."""
    results = summary.get("test_results")
    if not isinstance(results, dict):
        return []
    passed, failed, skipped, warned = (results.get(name, 0) for name in _COUNTS)
    if any(
        type(count) is not int or not 0 <= count <= MOST_TESTS
        for count in (passed, failed, skipped, warned)
    ):
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
            sentence=f"test_results.{name} is {value!r}{_before(results, name)}",
        )
        for name, value in right.items()
    ]


def _before(results: Document, name: str) -> str:
    if name not in results:
        return ", and was missing"
    return f" instead of {'null' if results[name] is None else shown(results[name])}"


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


def _make(document: Document, wanted: Iterable[Change]) -> list[Change]:
    """Make the changes in place; of several at one place, and within what is removed, the first."""
    changes: dict[str, Change] = {}
    removed: set[str] = set()
    for change in wanted:
        steps = change.pointer.split("/")
        above = {"/".join(steps[:depth]) for depth in range(2, len(steps))}
        if change.pointer in changes or above & removed:
            continue
        changes[change.pointer] = change
        if change.op == "remove":
            removed.add(change.pointer)
    jsonpatch.apply_patch(document, [each.operation for each in changes.values()], in_place=True)
    return list(changes.values())
