"""Parts of a stack that are killed, and come back by their supervisor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil

from tests.stack.polling import eventually

# More than one start of each, all at once, on a machine that is busy with other things.
BACK_SECONDS = 240


def kill(data: Path, *parts: str) -> None:
    """Kill -9 the parts' own processes at once, and wait until others are ready in their place."""
    before = {part: _known(data, part) for part in parts}
    for part in parts:
        (victim,) = psutil.Process(before[part]["guard"]).children()
        victim.kill()

    def is_back(part: str) -> bool:
        now = _known(data, part)  # one that starts while another is down may have died once more
        return bool(now["deaths"] > before[part]["deaths"] and now["state"] == "ready")

    eventually(lambda: all(map(is_back, parts)), seconds=BACK_SECONDS)


def _known(data: Path, part: str) -> dict[str, Any]:
    """What the supervisor says about a part."""
    known: dict[str, Any] = json.loads((data / "status.json").read_text())["parts"][part]
    return known
