"""A policy about follow-ups, and the sandbox's GitHub."""

from __future__ import annotations

import time
from datetime import UTC, datetime, time as clock_time
from pathlib import Path

import pytest

from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.github_inputs import GitHubSeed
from cct_ops.settings import Settings
from tests.controller.follow_ups.promises import says

LAST_MINUTE = clock_time(23, 59)


@pytest.fixture(autouse=True)
def _within_one_day() -> None:
    """Wait for the next day where this one is about to end: what is due today is so all along."""
    while datetime.now(UTC).time() >= LAST_MINUTE:
        time.sleep(0.5)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy of this test's own."""
    return tmp_path / "policy.yaml"


@pytest.fixture
def settings(policy: Path, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Reminders the whole day and issues in the sandbox's repository."""
    says(policy, remind_at="00:00", github_issues="true")
    sandbox.seed_github(GitHubSeed())
    for name, value in {
        "CCT_OPS_POLICY_PATH": str(policy),
        "GITHUB_API_URL": f"{sandbox.base_url}/github",
        "GITHUB_REPOSITORY": "example/cct",
        "GH_TOKEN": "t",
    }.items():
        monkeypatch.setenv(name, value)
    return Settings.load()
