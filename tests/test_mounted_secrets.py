"""Secrets that are mounted as files count as if they were set, and what is set goes first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cct_ops import mounted_secrets
from cct_ops.errors import BadConfiguration

COMMAND = Path(sys.executable).with_name("cct-ops")


def test_a_file_sets_the_variable_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes has links and hidden folders there; a key with another name is no variable."""
    hidden = tmp_path / "..data"
    hidden.mkdir()
    (hidden / "X_API_KEY").write_text("of-the-file\n")
    (tmp_path / "X_API_KEY").symlink_to(hidden / "X_API_KEY")
    (tmp_path / "SLACK_BOT_TOKEN").write_text("of-the-file")
    (tmp_path / "approvals").write_bytes(b"\xff")
    monkeypatch.setenv(mounted_secrets.FOLDER, str(tmp_path))
    monkeypatch.setenv("SLACK_BOT_TOKEN", "of-the-shell")
    monkeypatch.setenv("X_API_KEY", "")

    mounted_secrets.adopt()

    assert os.environ["X_API_KEY"] == "of-the-file"
    assert os.environ["SLACK_BOT_TOKEN"] == "of-the-shell"
    assert "approvals" not in os.environ


def test_a_folder_that_is_not_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(mounted_secrets.FOLDER, str(tmp_path / "none"))

    with pytest.raises(BadConfiguration, match=r"none cannot be read \(No such file"):
        mounted_secrets.adopt()


def test_a_file_that_is_no_text_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "X_API_KEY").write_bytes(b"\xff\xfe")
    monkeypatch.setenv(mounted_secrets.FOLDER, str(tmp_path))

    with pytest.raises(BadConfiguration, match="X_API_KEY is not text"):
        mounted_secrets.adopt()


def test_every_command_reads_them(tmp_path: Path) -> None:
    (tmp_path / "CCT_OPS_DATABASE_URL").write_text("no-database\n")

    ended = subprocess.run(
        [COMMAND, "incidents"],
        env={"PATH": os.defpath, mounted_secrets.FOLDER: str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "CCT_OPS_DATABASE_URL is not the URL of a database" in ended.stderr
