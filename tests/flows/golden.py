"""
The golden files: all that a test of the matrix left behind, as it has to be the next time as well.

There is one file for each test and row. It holds the rows of the ledger with their plans, digests
and permits, the changes that reached the sandbox, and the commands that do the same by hand. What
differs from run to run (ids, times, ports) stands in it as a word, also in the plan whose digest it
gives: nearly always that is the real one. ``make matrix GOLDEN=write``
writes the files anew.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cct_ops.actions.registry import by_hand
from cct_ops.models.plan import Call
from cct_ops.sandbox.control import SandboxControl

FOLDER = Path(__file__).with_name("golden")

# The tables, each with the column that says which row was first.
TABLES = {
    "decisions": "id",
    "approvals": "requested_at",
    "permits": "issued_at",
    "actions": "id",
    "temporary_changes": "created_at",
    "verifications": "id",
    "resolutions": "finished_at",
}
# Counted anew, or measured while a run watches: different each time. And the version of
# policy, which is another with every word that is changed in it.
LEFT_OUT = {"id", "fencing_token", "samples", "evidence", "policy_commit", "policy_digest"}
VOLATILE = {
    "id": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+\d\d:\d\d)?",
    "clock": r"(\d{4}-\d\d-\d\d )?\d\d:\d\d(:\d\d)? UTC",
    "week": r"\d{4}-W\d\d",
    "port": r"(?<=127\.0\.0\.1:)\d+",
    "number": r"\d+(?= canary requests| under faults)|\d+ looks?(?= after)",
}


def path_of(test: str, row: object) -> Path:
    """Return the file of a test, by the name of its function, and of a row."""
    return FOLDER / test.removeprefix("test_") / f"{str(row).replace(' ', '-')}.json"


def record(engine: sa.Engine, sandbox: SandboxControl) -> str:
    """Return what a test left behind in its ledger and its sandbox, as text to compare."""
    with engine.connect() as connection:
        rows: dict[str, list[dict[str, Any]]] = {
            table: list(connection.execute(sa.text(_query(table, first))).scalars())
            for table, first in TABLES.items()
        }
    plans = [each["plan"] for each in rows["decisions"]]
    digests = {each["plan_digest"]: "<digest>" for each in rows["permits"] if _names_an_id(each)}
    digests |= {_digest(plan): _digest(json.loads(_steady(json.dumps(plan)))) for plan in plans}
    assert [each["plan_digest"] for each in rows["decisions"]] == [_digest(plan) for plan in plans]
    kept = {
        **{table: [_kept(row) for row in rows[table]] for table in TABLES},
        "writes": [
            {"method": each.method, "path": each.path, "query": each.query, "body": each.body}
            for each in sandbox.writes()
        ],
        "writes to GitHub": sandbox.github().writes,
        "by hand": dict(_commands(plans)),
    }
    text = _steady(json.dumps(kept, sort_keys=True, indent=1, ensure_ascii=False))
    for real, steady in digests.items():
        text = text.replace(real, steady)
    return f"{text}\n"


def hold(path: Path, found: str) -> None:
    """Fail unless the file holds exactly this; or write it, where that is asked for."""
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found)
    known = path.read_text() if path.exists() else ""
    lines = difflib.unified_diff(
        known.splitlines(), found.splitlines(), "golden", "found", lineterm="", n=8
    )
    if known != found:
        pytest.fail(f"{path.relative_to(FOLDER)} is another:\n" + "\n".join(lines), pytrace=False)


def _query(table: str, first: str) -> str:
    return f"SELECT to_jsonb(t) FROM {table} AS t ORDER BY t.{first}"  # noqa: S608 -- names of ours


def _digest(plan: object) -> str:
    canonical = json.dumps(plan, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _names_an_id(permit: dict[str, Any]) -> bool:
    """Say whether its plan's digest is another each time, where no decision has the plan."""
    calls = json.dumps(permit["calls"])
    return _steady(calls) != calls


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in LEFT_OUT}


def _commands(plans: list[dict[str, Any]]) -> Iterator[tuple[str, str | None]]:
    for plan in plans:
        for step in plan["steps"]:
            for stored in filter(None, (step["call"], step["undo"])):
                call = Call.model_validate(stored)
                yield _steady(str(call)), by_hand(call)


def _steady(text: str) -> str:
    """Say of what differs from run to run only what it is."""
    for word, pattern in VOLATILE.items():
        text = re.sub(pattern, f"<{word}>", text)
    return text
