"""A runbook against its mapping: what is unmapped, changed, gone or not there is never covered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands.conftest import Program, program
from tests.conftest import ROOT

__all__ = ["program"]

# The runbook: the copy that is kept here, and the one beside the checkout where it is.
RUNBOOKS = [
    path
    for path in (ROOT / "docs/ops-playbooks.md", ROOT.parent / "shared/ops-playbooks.md")
    if path.is_file()
]
RUNBOOK = """
## Rollbacks
```bash
git log --oneline -10
npm run build
```
- [ ] Tell people what happened
"""
ENTRIES: dict[str, dict[str, Any]] = {
    "git log --oneline -10": {"automated": "auto-rollback", "task": "probe_history"},
    "npm run build": {"gated": "auto-rollback"},
    "Tell people what happened": {"human": "People are told by people."},
}


Found = tuple[int | str | None, dict[str, str], str]
Command = Callable[..., Found]
Run = Callable[[dict[str, dict[str, Any]]], Found]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, program: Program) -> Command:
    """Run the command; return its exit code, each text's status, and what else was said."""

    def typed(*arguments: str) -> Found:
        monkeypatch.chdir(ROOT)
        ended = program("coverage", *arguments)
        items = json.loads(ended.out)["items"] if ended.out else []
        return ended.code, {item["text"]: item["status"] for item in items}, ended.err

    return typed


@pytest.fixture
def run(command: Command, tmp_path: Path) -> Run:
    """Run it on the runbook above, with these entries as its mapping."""

    def on(entries: dict[str, dict[str, Any]]) -> Found:
        runbook, mapping = tmp_path / "runbook.md", tmp_path / "mapping.yaml"
        runbook.write_text(RUNBOOK)
        listed = [{"text": text, **entry} for text, entry in entries.items()]
        mapping.write_text(yaml.safe_dump({"sections": {"Rollbacks": listed}}))
        return command(str(runbook), "--mapping", str(mapping), "--json")

    return on


def test_what_is_mapped_is_covered(run: Run) -> None:
    code, status, _ = run(ENTRIES)

    assert code == 0
    assert list(status.values()) == ["automated", "gated", "human"]


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        ({"automated": "no-such-playbook"}, "broken"),
        ({"automated": "auto-rollback", "task": "no_such_task"}, "broken"),
        ({"command": "no such command"}, "broken"),
        ({"command": "summary validate"}, "automated"),
        ({"automated": "no-such-playbook", "planned": True}, "planned"),
        ({"automated": "auto-rollback", "planned": True}, "planned"),
    ],
)
def test_a_claim_counts_only_if_it_is_true(run: Run, entry: dict[str, Any], status: str) -> None:
    code, found, _ = run(ENTRIES | {"npm run build": entry})

    assert found["npm run build"] == status
    assert code == (0 if status == "automated" else 1)


def test_what_is_not_mapped_fails(run: Run) -> None:
    entries = {text: entry for text, entry in ENTRIES.items() if text != "npm run build"}

    code, status, _ = run(entries)

    assert (code, status["npm run build"]) == (1, "unmapped")


def test_a_command_that_changed_fails_and_is_not_taken_for_the_old_one(run: Run) -> None:
    entries = dict(ENTRIES)
    entries["git log --oneline -5"] = entries.pop("git log --oneline -10")

    code, status, _ = run(entries)

    assert (code, status["git log --oneline -10"]) == (1, "changed")


def test_what_is_mapped_and_gone_fails(run: Run) -> None:
    entries = ENTRIES | {"rm -rf /": {"human": "Nobody does this."}}

    code, status, _ = run(entries)

    assert (code, status["rm -rf /"]) == (1, "gone")


@pytest.mark.parametrize(
    "entry", [{}, {"human": "Because."}, {"automated": "auto-rollback", "gated": "auto-rollback"}]
)
def test_an_entry_says_one_thing_and_a_reason_is_a_reason(run: Run, entry: dict[str, str]) -> None:
    code, _, said = run(ENTRIES | {"npm run build": entry})

    assert code == 1
    assert "mapping.yaml:" in said


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: str(path.parent.name))
def test_ccts_runbook_is_mapped_completely_and_claims_nothing_that_is_not_there(
    command: Command, runbook: Path
) -> None:
    code, status, _ = command(str(runbook), "--json")

    assert code == 0
    assert set(status.values()) == {"automated", "gated", "human"}
