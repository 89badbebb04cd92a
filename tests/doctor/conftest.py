"""A place where nothing is set up, and the doctor in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.cli import app
from tests.conftest import ROOT

PREFIXES = ("CCT_", "X_API_KEY", "SLACK_", "GH_", "GITHUB_", "PREFECT_API")
POOL = "doctors"

Doctor = Callable[..., tuple[int, dict[str, str]]]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A project of its own with one deployment, and an environment that says nothing."""
    for name in list(os.environ):
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)
    for each in ("sources", "routes", "policy", "approvers", "contacts"):
        path = ROOT / "deployments" / f"{each}.yaml"
        monkeypatch.setenv(f"CCT_OPS_{each.upper()}_PATH", str(path))
    monkeypatch.setenv("COLUMNS", "400")
    project = tmp_path / "project"
    project.mkdir()
    (project / "prefect.yaml").write_text(
        f"deployments:\n  - name: doctored\n    work_pool: {{name: {POOL}}}\n"
    )
    monkeypatch.chdir(project)


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Run it; return its exit code, and its lines by the part that each is about."""

    def run(*arguments: str, prefect_api_url: str | None = None) -> tuple[int, dict[str, str]]:
        with temporary_settings(
            {PREFECT_API_URL: prefect_api_url} if prefect_api_url else None,
            restore_defaults=None if prefect_api_url else {PREFECT_API_URL},
        ):
            code = app(["doctor", *arguments], exit_on_error=False)
        lines = capsys.readouterr().out.splitlines()
        return code, {line.split()[1]: line for line in lines}

    return run
