"""A repository of rules for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.replay.repository import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Return a repository whose only commit has the rules that are shipped."""
    made = Repo(tmp_path / "rules")
    made.commit()
    return made
