"""A person at a terminal, and commands that work on this test's ledger."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest
from pydantic import SecretStr

from cct_ops.cli import app, main
from tests.conftest import ROOT

Typed = Callable[[str | list[str]], str]


@pytest.fixture
def on_ledger(ledger_url: SecretStr, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands find this test's ledger, in a terminal that is wide enough for all of it."""
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", ledger_url.get_secret_value())
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.chdir(ROOT)


@pytest.fixture
def typed(on_ledger: None, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Run one command as a person types it; it ends well, and returns what it printed."""

    def run(command: str | list[str]) -> str:
        capsys.readouterr()
        assert app(command, exit_on_error=False) == 0
        return capsys.readouterr().out

    return run


class Ended(NamedTuple):
    """How a program ended, and what it said."""

    code: int | str | None
    out: str
    err: str


Program = Callable[..., Ended]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Run the whole program with these words, to its end."""

    def run(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["cct-ops", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(ended.value.code, *capsys.readouterr())

    return run
