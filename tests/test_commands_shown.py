"""
Every command that people are shown can be typed, wherever it stands.

They are collected from the sources, the templates and the pages, so that none can be forgotten.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from cyclopts import CycloptsError
from prefect.cli._app import _app as prefect_cli
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from cct_ops.cli import app, without_data
from cct_ops.clients import parameters
from cct_ops.models.form import form
from tests.conftest import ROOT

SOURCES = ("src", "tasks", "flows")
PAGES = (
    "*.md",
    "docs/**/*.md",
    "*.yaml",
    "docs/*.yaml",
    "deployments/*.yaml",
    "deployments/monitoring/*.yaml",
    "Makefile",
)
PROGRAM = r"(?:\.venv/bin/)?cct-ops"
# What stands for something of the reader's own, and something that it could be.
STAND_INS = {
    "PLAYBOOK": "auto-rollback",
    "TARGET": "/daily-summary",
    "N": "30",
    "PART": "gateway",
    "RUNBOOK.md": "docs/ops-playbooks.md",
}
AN_ID = str(UUID(int=7))
# Other programs of ours and Prefect's, which are on nobody's path.
UNREACHABLE = re.compile(
    r"`(?:\.venv/bin/)?(?:prefect (?:deploy|deployment|worker|work-pool|flow-run|config|server)\b"
    r"|python -m cct_ops\.(?:gateway|controller|ledger)\b|python deployments/)[^`]*`"
)


def texts(path: Path) -> Iterator[tuple[str, int]]:
    """Every text of a source file, with what it computes left as a name in capitals."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno
        elif isinstance(node, ast.JoinedStr):
            parts = [
                str(part.value) if isinstance(part, ast.Constant) else "ID" for part in node.values
            ]
            yield "".join(parts), node.lineno
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "typed":
            yield f"`cct-ops {' '.join(_literals(node.args))}`", node.lineno


def _literals(words: list[ast.expr]) -> Iterator[str]:
    """Yield the words up to where only the program knows them; other tests have those."""
    for word in words:
        if isinstance(word, ast.Starred):
            return
        yield str(word.value) if isinstance(word, ast.Constant) else "ID"


def commands_shown() -> dict[str, str]:
    """Each command, and the first place at which it stands."""
    found: dict[str, str] = {}

    def add(text: str, place: str) -> None:
        for command in in_text(text):
            found.setdefault(" ".join(command.split()), place)

    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for text, line in texts(path):
                add(text, f"{path.relative_to(ROOT)}:{line}")
        for path in sorted((ROOT / folder).rglob("*.j2")):
            add(path.read_text(), str(path.relative_to(ROOT)))
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            add(path.read_text(), str(path.relative_to(ROOT)))
    return found


def in_text(text: str) -> Iterator[str]:
    """Yield the commands in a text: between backticks, or on a line of their own."""
    for match in re.finditer(rf"(?<!`)`{{1,2}}{PROGRAM} ([^`]+?)`", text):
        yield match[1]
    for match in re.finditer(
        rf"^ *(?:\$ |- run: |[A-Z_]+=\S+ )*{PROGRAM} ([a-z]+(?!:| \()\b[^`\n]*)$",
        text,
        re.MULTILINE,
    ):
        yield re.sub(r"\s+# .*", "", match[1])


COMMANDS = commands_shown()


def typed(command: str) -> list[str]:
    """The words as somebody would type them who has what is stood in for."""
    command = re.sub(r"\$\{\{[^}]*\}\}", "strict", command)
    command = re.sub(r" > \S+$", "", command)  # where its answer goes is the shell's business
    words = shlex.split(command.replace("...", "").replace("…", ""))
    return without_data([_stood_in(word) for word in words])[0]


def _stood_in(word: str) -> str:
    alternatives = word.split("|", maxsplit=1)[0]
    if word in STAND_INS:
        return STAND_INS[word]
    return AN_ID if re.fullmatch(r"[A-Z]{2,}", word) else alternatives


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_that_people_are_shown_can_be_typed(command: str) -> None:
    words = typed(command)
    if words == ["<command>", "--help"] or words[0] in {AN_ID, "..."}:
        return
    if words[:2] == ["start", AN_ID]:
        words[1] = "controller"
    if words in (["run", AN_ID], ["run", STAND_INS["PLAYBOOK"]]):
        return  # tests/reports/test_manual.py types those out
    chain, _, rest = app.parse_commands(words)
    assert chain, f"{COMMANDS[command]} names cct-ops {command}, which does not exist"
    if not rest:
        return  # the command is spoken of, and not typed out
    if words[0] == "prefect":
        prefect_cli.parse_args(words[1:], exit_on_error=False, print_error=False)
        return
    try:
        _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        pytest.fail(f"{COMMANDS[command]} names cct-ops {command}: {error}")
    if words[0] == "run":
        given = bound.arguments
        schema = schema_of(given["playbook"])
        assert parameters.read(given["playbook"], schema, given["parameters"])


def schema_of(playbook: str) -> dict[str, Any]:
    """What Prefect knows of a playbook's parameters."""
    registry = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    (entry,) = (entry for entry in registry if entry["name"] == playbook)
    flow: Any = load_flow_from_entrypoint(str(ROOT / entry["entrypoint"]))
    return form(parameter_schema(flow).model_dump())


def test_the_collection_finds_commands_of_all_kinds() -> None:
    """Of messages, errors, docstrings, pages and blocks of code."""
    for command in ("inbox --unfinished", "changes end ID", "why INCIDENT", "up", "demo --keep"):
        assert command in COMMANDS
    assert len(COMMANDS) > 30


def test_nobody_hears_of_a_program_that_is_on_no_path() -> None:
    """Prefect's own is reached as `cct-ops prefect`, on the stack that runs; so are our parts."""
    wrong = []
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for text, line in texts(path):
                wrong += [
                    f"{path.relative_to(ROOT)}:{line}: {match[0]}"
                    for match in UNREACHABLE.finditer(text)
                    if "``" not in text[max(0, match.start() - 1) : match.end() + 1]
                ]
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            wrong += [
                f"{path.relative_to(ROOT)}: {match[0]}"
                for match in UNREACHABLE.finditer(path.read_text())
            ]
    assert wrong == []
