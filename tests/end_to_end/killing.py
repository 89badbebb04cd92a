"""Parts of a stack that are killed, and come back by their supervisor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil

from tests.stack.polling import eventually


def kill(data: Path, part: str) -> None:
    """Kill -9 a part's own process, and wait until another one is ready in its place."""
    before = _known(data, part)
    (victim,) = psutil.Process(before["leash"]).children()
    victim.kill()

    def is_back() -> bool:
        now = _known(data, part)
        return bool(now["deaths"] == before["deaths"] + 1 and now["state"] == "ready")

    eventually(is_back, seconds=180)
    assert not victim.is_running()


def _known(data: Path, part: str) -> dict[str, Any]:
    """What the supervisor says about a part."""
    known: dict[str, Any] = json.loads((data / "status.json").read_text())["parts"][part]
    return known
