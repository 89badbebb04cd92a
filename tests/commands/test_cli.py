"""The command line: quick to answer, and worth reading."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from cct_ops.cli import app

COMMAND = Path(sys.executable).with_name("cct-ops")
SLOW = ("alembic", "httpx", "pandas", "prefect", "pydantic", "sqlalchemy", "uvicorn")


def said(*arguments: str) -> str:
    return subprocess.run(
        [COMMAND, *arguments], check=True, capture_output=True, text=True
    ).stdout.replace("\n", " ")


def test_the_list_of_commands_says_what_each_does() -> None:
    listed = " ".join(said("--help").replace("│", " ").split())

    for name, command in app.resolved_commands().items():
        if not name.startswith("-") and command.default_command is not None:
            summary = (
                (inspect.getdoc(command.default_command) or "none").splitlines()[0].replace("`", "")
            )
            assert f"{name} {summary}" in listed


def test_the_help_of_a_command_is_its_whole_docstring() -> None:
    from cct_ops.commands.up import up

    shown = " ".join(said("up", "--help").split())
    documented = inspect.getdoc(up)

    assert documented is not None
    for paragraph in documented.replace("`", "").split("\n\n"):
        assert " ".join(paragraph.split()) in shown


def test_listing_the_commands_imports_nothing_slow() -> None:
    """Each command's module is light; what is heavy is imported when the command runs."""
    script = (
        "import sys; from cct_ops.cli import app; app.resolved_commands();"
        f"print([name for name in {SLOW} if name in sys.modules])"
    )

    found = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )

    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["completion", "bash"]])
def test_output_that_nobody_takes_ends_a_command_without_a_traceback(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        failed = subprocess.run([COMMAND, *arguments], check=False, stdout=full, stderr=PIPE)
    assert failed.returncode == 1
    assert failed.stderr.strip() == b"cct-ops: the output went nowhere: No space left on device"

    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        failed = subprocess.run([COMMAND, *arguments], check=False, stdout=closed, stderr=PIPE)
    assert (failed.returncode, failed.stderr) == (1, b"")


def test_what_an_operator_did_wrong_is_one_sentence(tmp_path: Path) -> None:
    failed = subprocess.run(
        [COMMAND, "up"], cwd=tmp_path, check=False, capture_output=True, text=True
    )

    assert failed.returncode == 1
    assert failed.stderr.startswith("cct-ops: there is no prefect.yaml in ")
    assert len(failed.stderr.splitlines()) == 1
