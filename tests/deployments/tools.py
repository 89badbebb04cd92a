"""Other people's checkers of what stands in `deployments/`; `make tools` installs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "deployments"
_BIN = Path(sys.prefix) / "tools" / "bin"
HADOLINT, COMPOSE = _BIN / "hadolint", _BIN / "docker-compose"
KUBERNETES, PYTHON = _BIN / "kubernetes-validate", _BIN / "python"

needs_tools = pytest.mark.skipif(
    not (_BIN.parent / ".installed").is_file(), reason="not installed: run `make tools`"
)


def output(*words: str | Path, env: Mapping[str, str] | None = None, told: str = "") -> str:
    """Run one of them; whatever it complains of fails the test."""
    ended = subprocess.run(
        words,
        env=env,
        input=told,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=120,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout
