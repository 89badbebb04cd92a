"""Twice as much to look at takes about twice as long, counted in calls and not by a clock."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from cct_ops.scenarios.seeds import SCHEMA, summary
from cct_ops.summaries.documents import parse
from cct_ops.summaries.proposal import propose
from cct_ops.summaries.repair import repair
from cct_ops.summaries.schema import problems, validator

CHECKER = validator(SCHEMA, "schema")
JOBS: dict[str, Callable[[dict[str, Any]], object]] = {
    "problems": lambda document: problems(CHECKER, document, "a"),
    "repair": lambda document: repair(CHECKER, document, "a"),
    "propose": lambda document: propose(SCHEMA, {"a": document}),
}


def steps(job: Callable[[dict[str, Any]], object], fields: int) -> int:
    """Count the lines of Python that the job runs for a summary with so many unknown fields."""
    document = summary() | {f"field{n}": n for n in range(fields)}
    counted = 0

    def line(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        nonlocal counted
        counted += 1
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        job(document)
    finally:
        sys.settrace(before)
    return counted


@pytest.mark.parametrize("name", JOBS)
def test_unknown_fields_cost_the_same_each_however_many_there_are(name: str) -> None:
    few, many = steps(JOBS[name], 200), steps(JOBS[name], 1600)

    assert many < 8 * 1.5 * few


def test_a_name_that_is_there_twice_is_found_at_once() -> None:
    """The search for it looks at each name once."""

    def repeated(names: int) -> int:
        text = ", ".join(f'"n{n}": 1' for n in [*range(names), names - 1])

        def job(_: dict[str, Any]) -> None:
            with pytest.raises(Exception, match="is there twice"):
                parse(f"{{{text}}}".encode(), "a")

        return steps(job, 0)

    assert repeated(1600) < 8 * 1.5 * repeated(200)


def test_a_wide_document_is_read_in_steps_that_do_not_grow() -> None:
    def job(document: dict[str, Any]) -> object:
        return parse(json.dumps(document).encode(), "a")

    assert steps(job, 1600) < 8 * 1.5 * steps(job, 200)
