"""``cct-ops backup`` and ``restore``, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.cli import app
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.record import backups
from cct_ops.stack.postgres import EmbeddedPostgres
from tests.commands.conftest import Program, Typed
from tests.ledger.alerts import opened

PREFECT = "PREFECT_API_DATABASE_CONNECTION_URL"


@pytest.fixture
def prefects(
    prefect_api_url: str, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let commands find Prefect's database."""
    monkeypatch.setenv(PREFECT, postgres.asyncpg_url("prefect"))


@pytest.mark.usefixtures("prefects")
def test_a_backup_is_taken_remembered_and_checked(
    typed: Typed, engine: sa.Engine, tmp_path: Path
) -> None:
    opened(engine)
    path = tmp_path / "b.zip"

    said = typed(["backup", str(path)])

    assert "Backed up: " in said
    taken = backups.newest(engine)
    assert taken is not None
    assert taken.sha256 in said
    assert taken.file == "b.zip"
    assert "Good: " in typed(["restore", str(path), "--check"])
    shown = json.loads(typed(["restore", str(path), "--check", "--json"]))
    assert shown["good"]
    assert shown["manifest"]["ledger"]["tables"]["deliveries"] == 1


@pytest.mark.usefixtures("prefects")
def test_a_running_installation_is_not_restored(
    typed: Typed, engine: sa.Engine, tmp_path: Path
) -> None:
    typed(["backup", str(tmp_path / "b.zip")])

    with pytest.raises(BadConfiguration, match=r"is in use by .*stop all parts first"):
        app(["restore", str(tmp_path / "b.zip"), "--over"], exit_on_error=False)


def test_mistakes_are_one_sentence(
    program: Program, on_ledger: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No backup, no file, no Prefect, no installation."""
    monkeypatch.delenv(PREFECT, raising=False)
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"dear diary")

    assert "is no file: name a backup" in program("restore", "/nowhere/b.zip").err
    assert "is no backup" in program("restore", str(rubbish), "--check").err
    assert f"{PREFECT} is not set" in program("backup", str(tmp_path / "b.zip")).err
    monkeypatch.setenv(PREFECT, "sqlite+aiosqlite:///prefect.db")
    assert f"{PREFECT} is no PostgreSQL" in program("backup", str(tmp_path / "b.zip")).err
    empty = program("restore", str(rubbish), "--data", str(tmp_path)).err
    assert f"there is no installation in {tmp_path}" in empty
    both = program("restore", str(rubbish), "--check", "--over").err
    assert "--over says how to put a backup back" in both
    for events, words in (("/nowhere.jsonl", "cannot be read"), (str(rubbish), "no audit event")):
        said = program("restore", str(rubbish), "--data", str(tmp_path), "--events", events).err
        assert f"{events} " in said
        assert words in said
    assert "File name too long" in program("restore", "b" * 300, "--check").err
