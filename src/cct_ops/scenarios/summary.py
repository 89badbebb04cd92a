"""A small schema of CCT's kind, and a summary that fits it."""

from __future__ import annotations

import copy
from typing import Any

SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["test_metadata", "test_results"],
    "additionalProperties": False,
    "properties": {
        "test_metadata": {
            "type": "object",
            "required": ["test_name", "execution_id", "timestamp"],
            "properties": {
                "test_name": {"type": "string"},
                "execution_id": {"type": "string", "pattern": "^[a-f0-9-]{36}$"},
                "timestamp": {"type": "string", "format": "date-time"},
            },
        },
        "test_results": {
            "type": "object",
            "required": ["total_tests"],
            "properties": {
                "total_tests": {"type": "integer", "minimum": 0},
                "overall_status": {"enum": ["PASS", "FAIL", "WARN", "ERROR", "TIMEOUT"]},
            },
        },
        "conclusion": {"enum": ["success", "failure", "neutral"]},
    },
}

_SUMMARY: dict[str, Any] = {
    "test_metadata": {
        "test_name": "smoke",
        "execution_id": "1f4cd2b6-26ec-42b3-bb9d-7a320fbbc593",
        "timestamp": "2025-11-27T09:11:46Z",
    },
    "test_results": {
        "total_tests": 8,
        "tests_passed": 7,
        "tests_failed": 1,
        "tests_skipped": 0,
        "tests_warned": 1,
        "success_rate": 87.5,
        "overall_status": "WARN",
    },
}


def summary(**results: Any) -> dict[str, Any]:
    """A summary that is right, but for these results."""
    made = copy.deepcopy(_SUMMARY)
    made["test_results"].update(results)
    return made
