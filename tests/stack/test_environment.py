"""A command finds the stack that runs beside it, and only while it runs."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cct_ops.stack import environment

LEDGER = "postgresql+psycopg://somebody:secret@127.0.0.1/cct_ops"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a folder for data, and a shell inside of it that knows nothing."""
    (tmp_path / "prefect.yaml").touch()
    (tmp_path / "deeper").mkdir()
    (tmp_path / ".cct-ops").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    monkeypatch.setattr(os, "environ", {"X_API_KEY": "mine"})
    return tmp_path


def test_a_command_takes_over_what_it_was_not_told(project: Path) -> None:
    env = {"CCT_OPS_DATABASE_URL": LEDGER, "X_API_KEY": "theirs", "HOME": "/nowhere"}

    with environment.kept(project / ".cct-ops", env):
        environment.adopt()

    assert os.environ["CCT_OPS_DATABASE_URL"] == LEDGER
    assert os.environ["X_API_KEY"] == "mine"
    assert "HOME" not in os.environ


def test_a_command_that_names_a_ledger_takes_over_nothing(project: Path) -> None:
    os.environ["CCT_OPS_DATABASE_URL"] = "postgresql+psycopg://elsewhere/cct_ops"

    with environment.kept(project / ".cct-ops", {"CCT_URL": "http://cct"}):
        environment.adopt()

    assert "CCT_URL" not in os.environ


def test_it_is_for_its_owner_alone_and_goes_with_the_stack(project: Path) -> None:
    path = project / ".cct-ops" / "environment.json"

    with environment.kept(project / ".cct-ops", {"CCT_OPS_DATABASE_URL": LEDGER}):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    assert not path.exists()
