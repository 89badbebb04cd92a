"""A new summary, from the results of tests or from none: always complete, never in a file's way."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from pydantic import Field

from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen
from cct_ops.summaries.documents import Document, render
from cct_ops.summaries.repair import status_of
from cct_ops.summaries.rules import success_rate
from cct_ops.variables import said

TestMode = Literal["quick", "full", "validation", "production", "staging"]
LONGEST_MS = 1e12
"""Some thirty years: whatever is longer was not measured."""

_CONCLUSIONS = {"PASS": "success", "FAIL": "failure", "WARN": "neutral"}


class Status(StrEnum):
    """The result of one test."""

    PASS = "pass"  # noqa: S105 -- a word, not a password
    FAIL = "fail"
    WARN = "warn"
    SKIP = "skip"


class Result(Frozen):
    """One test; a warned one passed."""

    name: str = Field(min_length=1)
    status: Status
    duration_ms: float = Field(0, ge=0, le=LONGEST_MS, allow_inf_nan=False)
    message: str = ""


def generate(name: str, version: str, results: Sequence[Result], mode: TestMode) -> Document:
    """Build the summary of these results; without any it says so and passes for nothing."""
    passed = _count(results, Status.PASS, Status.WARN)
    failed, warned = _count(results, Status.FAIL), _count(results, Status.WARN)
    status = status_of(passed, failed, warned)
    rate = success_rate(len(results), passed)
    return {
        "test_metadata": {
            "test_name": name,
            "test_version": version,
            "execution_id": str(uuid4()),
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "duration_seconds": round(sum(each.duration_ms for each in results) / 1000, 3),
            "environment": _environment(mode),
        },
        "test_results": {
            "total_tests": len(results),
            "tests_passed": passed,
            "tests_failed": failed,
            "tests_skipped": _count(results, Status.SKIP),
            "tests_warned": warned,
            "success_rate": rate,
            "overall_status": status,
        },
        "key_metrics": {"performance": _performance(results)},
        "failed_tests": [
            {
                "name": each.name,
                "error_message": each.message or "no message",
                "error_type": "unknown",
                "duration_ms": each.duration_ms,
            }
            for each in results
            if each.status is Status.FAIL
        ],
        "warnings": _warnings(name, results),
        "ci_annotations": {
            "check_run_annotations": [
                {
                    "name": name,
                    "status": "completed",
                    "conclusion": _CONCLUSIONS[status],
                    "title": f"{name}: {status}",
                    "summary": f"{passed} of {len(results)} tests passed ({rate:g} %).",
                }
            ]
        },
    }


def write_new(path: Path, summary: Document) -> None:
    """Write the summary into a new file; raises ``BadConfiguration`` if there is one already."""
    content = _encoded(path, summary)
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise BadConfiguration(
            f"{path}: is there already, and was left as it is: name another file, or use"
            " `cct-ops summary update`."
        ) from error
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be written: {error.strerror}.") from error


def write_over(path: Path, summary: Document) -> None:
    """Replace the file at once: readers see the old content or the new, never a part."""
    content = _encoded(path, summary)
    path = path.resolve()  # of a link it is the file that is replaced, not the link
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        beside.write_bytes(content)
        beside.chmod(path.stat().st_mode)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BadConfiguration(f"{path}: cannot be written: {error.strerror}.") from error


def _encoded(path: Path, summary: Document) -> bytes:
    """Return what is to be written, before anything of the file is touched."""
    try:
        return render(summary).encode()
    except UnicodeEncodeError as error:
        raise BadConfiguration(
            f"{path}: nothing was written: a text for it, such as the test's name, is not Unicode."
        ) from error


def _count(results: Sequence[Result], *wanted: Status) -> int:
    return sum(each.status in wanted for each in results)


def _environment(mode: TestMode) -> dict[str, str]:
    known = {
        "runner_os": said("RUNNER_OS") or platform.system(),
        "git_commit": said("GITHUB_SHA"),
        "git_branch": said("GITHUB_REF_NAME"),
    }
    return {"test_mode": mode} | {name: value for name, value in known.items() if value}


def _performance(results: Sequence[Result]) -> dict[str, Any]:
    timed = [each for each in results if each.status is not Status.SKIP]
    if not timed:
        return {}
    by_time = sorted(timed, key=lambda each: each.duration_ms)
    mean = sum(each.duration_ms for each in timed) / len(timed)
    return {
        "slowest_test": _timed(by_time[-1]),
        "fastest_test": _timed(by_time[0]),
        "average_test_duration_ms": round(mean, 3),
    }


def _timed(result: Result) -> dict[str, Any]:
    return {"name": result.name, "duration_ms": result.duration_ms, "status": result.status.value}


def _warnings(name: str, results: Sequence[Result]) -> list[dict[str, str]]:
    if not results:
        said = "No test was run, so nothing passed."
        return [{"test_name": name, "warning_message": said, "warning_type": "configuration"}]
    return [
        {
            "test_name": each.name,
            "warning_message": each.message or "no message",
            "warning_type": "compliance",
        }
        for each in results
        if each.status is Status.WARN
    ]
