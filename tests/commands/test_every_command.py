"""Rules that hold for every command, also for one that is written tomorrow."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from cyclopts import App

from cct_ops.cli import app
from cct_ops.stack import environment
from cct_ops.variables import said
from tests.approvals.parts import asked
from tests.commands.conftest import Program, Typed
from tests.commands.test_inbox import NOW, know, take
from tests.commands.test_listings import a_change
from tests.conftest import ROOT
from tests.gateway.signing import FIELDS

COMMAND = Path(sys.executable).with_name("cct-ops")
# An escape sequence that clears, one that sets the window's title and rings, one that turns the
# writing direction, a bell, an eight-bit control, and what a CI system would carry out.
HOSTILE = "x\x1b[2J\x1b]0;pwned\x07\u202e\u2066\x07\x9b31m\r\n::error::pwned"
WITH_JSON = {
    "approvals",
    "audit streams",
    "autonomy",
    "changes",
    "coverage",
    "doctor",
    "follow-ups",
    "guards",
    "inbox",
    "incident",
    "incidents",
    "new playbook",
    "pages",
    "replay",
    "report",
    "review",
    "why",
}


def commands(of: App = app, path: tuple[str, ...] = ()) -> Iterator[tuple[str, App]]:
    """Each command with the words that lead to it."""
    below = {name: each for name, each in of.resolved_commands().items() if name[0] != "-"}
    for name, each in below.items():
        yield from commands(each, (*path, name))
    if of.default_command is not None:
        yield " ".join(path), of


EVERY = {path: each for path, each in commands() if path}


def calls(function: Any) -> set[str]:
    """The names of all that a function calls."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {name.id for name in called if isinstance(name, ast.Name)}


def options(command: App) -> set[str]:
    """All names of its options."""
    found = command.assemble_argument_collection()
    return {name for argument in found for name in argument.names}


@pytest.mark.parametrize("path", EVERY)
def test_whatever_shows_a_list_shows_it_as_json_too(path: str) -> None:
    lists = "show" in calls(EVERY[path].default_command)

    assert "--json" in options(EVERY[path]) or not lists


def test_these_can_be_read_by_a_program() -> None:
    """Whatever else can be."""
    assert {path for path in EVERY if "--json" in options(EVERY[path])} >= WITH_JSON


@pytest.mark.parametrize("path", EVERY)
def test_every_command_and_every_option_says_what_it_is(path: str) -> None:
    command = EVERY[path]
    summary = (inspect.getdoc(command.default_command) or "").splitlines()[0]

    assert summary.endswith((".", ":")), summary
    for argument in command.assemble_argument_collection():
        if argument.show:
            assert argument.parameter.help, argument.names


def test_any_command_works_on_the_stack_whose_data_are_named(
    on_ledger: None, tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else is set; before the command or behind it."""
    url = {"CCT_OPS_DATABASE_URL": str(said("CCT_OPS_DATABASE_URL"))}
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("CCT_OPS_DATA", "elsewhere")

    with environment.kept(tmp_path, url):
        for words in (
            ("--data", str(tmp_path), "incidents", "--json"),
            ("incidents", f"--data={tmp_path}", "--json"),
            ("incidents", "--json", "--data", str(tmp_path)),
        ):
            assert program(*words).out == "[]\n"

    ended = program("incidents", "--data", str(tmp_path))
    assert ended.code == 1
    assert f"cct-ops: no stack runs on {tmp_path}: start one with `cct-ops up --data" in ended.err
    assert "--data takes the folder" in program("incidents", "--data").err
    (tmp_path / "environment.json").write_text("{")
    assert "cannot be read" in program("incidents", "--data", str(tmp_path)).err


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    """What is printed, in a real bash."""
    script = tmp_path / "cct-ops"
    script.write_text(
        subprocess.run(
            [COMMAND, "completion", "bash"], check=True, capture_output=True, text=True
        ).stdout
    )
    asks = (
        'source "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1));'
        ' _cct_ops; printf "%s\\n" "${COMPREPLY[@]}"'
    )

    def completed(*words: str) -> set[str]:
        bash = ["bash", "-c", asks, "bash", str(script), "cct-ops", *words]
        answer = subprocess.run(bash, check=True, capture_output=True, text=True)
        assert answer.stderr == ""
        return set(answer.stdout.split())

    assert completed("inci") == {"incident", "incidents"}
    assert {"extend", "end"} <= completed("changes", "e")
    assert completed("incidents", "--js") == {"--json"}
    assert completed("start", "g") == {"gateway"}


@pytest.fixture
def hostile(
    on_ledger: None, engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """An incident of which every word that a sender has is hostile."""
    know(tmp_path / "sources.yaml", FIELDS)
    monkeypatch.setenv("CCT_OPS_SOURCES_PATH", str(tmp_path / "sources.yaml"))
    labels = {"alertname": HOSTILE, "route": HOSTILE, "severity": HOSTILE, "summary": HOSTILE}
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": HOSTILE, "description": HOSTILE},
        "startsAt": NOW.isoformat(),
        "generatorURL": f"http://x/{HOSTILE}",
    }
    body = {"version": "4", "alerts": [alert], "mark": uuid4().hex}
    incident = take(engine, "alertmanager", json.dumps(body).encode())
    asked(engine, why=HOSTILE)
    a_change(engine)
    return incident


def test_no_word_of_a_sender_reaches_a_terminal_as_more_than_a_word(
    hostile: str, typed: Typed
) -> None:
    shown = [
        "inbox",
        "inbox --unfinished",
        "incidents",
        "approvals",
        "changes --all",
        "pages",
        "autonomy",
        "follow-ups",
        "audit streams",
        "board sessions",
        "report",
        "replay --since 1h",
        f"incident {hostile}",
        f"why {hostile}",
        f"review {hostile}",
        f"guards auto-rollback /daily-summary --incident {hostile}",
    ]
    said = ""
    for command in [*shown, *(f"{each} --json" for each in shown)]:
        text = typed(command)
        said += text
        odd = {char for char in text if not char.isprintable() and char != "\n"}
        assert odd == set(), command
        assert not [line for line in text.splitlines() if line.lstrip().startswith("::")], command
    assert "\\x1b" in said
    assert "pwned" in said


def test_a_project_is_not_needed_to_be_told_what_commands_there_are(tmp_path: Path) -> None:
    listed = subprocess.run(
        [COMMAND, "--help"], cwd=tmp_path, check=True, capture_output=True, text=True
    )

    assert "--data PATH" in " ".join(listed.stdout.split())
    assert (ROOT / "prefect.yaml").is_file()
