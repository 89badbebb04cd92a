"""
Environment variables: one that is empty, or of blanks, is not set.

Templates write every name that they know (`SLACK_BOT_TOKEN=""`). Settings are read whatever the
case of their names, so here too a name of ours is the same name in small letters.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

OURS = ("CCT_", "X_API_KEY", "PREFECT_", "SLACK_", "GH_", "GITHUB_")


def told(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that say something, ours in capitals; what is in capitals goes first."""
    found: dict[str, str] = {}
    for name, value in sorted(env.items(), key=lambda item: item[0].isupper()):
        if value.strip():
            found[name.upper() if name.upper().startswith(OURS) else name] = value
    return found


def said(name: str) -> str | None:
    """Return what this process's environment says, without blanks around it; None if nothing."""
    value = os.environ.get(name, "").strip() or told(os.environ).get(name, "").strip()
    return value or None


def say_unless_said(name: str, value: str) -> None:
    """Set a variable of this process that says nothing yet."""
    if said(name) is None:
        os.environ[name] = value
