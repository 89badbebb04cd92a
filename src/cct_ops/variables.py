"""
Environment variables: one that is empty, or of blanks, is not set.

Templates write every name that they know (`SLACK_BOT_TOKEN=""`). Settings are read whatever the
case of their names, so here too a name of ours is the same name in small letters.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

OURS = ("CCT_", "X_API_KEY", "PREFECT_", "SLACK_", "GH_", "GITHUB_")

_HARMLESS = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLUMNS", "LINES", "NO_COLOR"}
    | {"LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD"}
)
_HARMLESS_KINDS = ("LC_", "PYTHON", "OPENBLAS_", "OMP_", "COVERAGE_")


def normalized(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that say something, ours in capitals; what is in capitals goes first."""
    found: dict[str, str] = {}
    for name, value in sorted(env.items(), key=lambda item: item[0].isupper()):
        if value.strip():
            found[name.upper() if name.upper().startswith(OURS) else name] = value
    return found


def harmless(env: Mapping[str, str]) -> dict[str, str]:
    """
    Return what programs need to run at all.

    Everything else that a shell may say leads somewhere: to a CCT, a Slack, a GitHub, a Prefect or
    a database, through a proxy, with somebody's keys.
    """
    return {
        name: value
        for name, value in normalized(env).items()
        if name in _HARMLESS or name.startswith(_HARMLESS_KINDS)
    }


def said(name: str) -> str | None:
    """Return what this process's environment says, without blanks around it; None if nothing."""
    value = os.environ.get(name, "").strip() or normalized(os.environ).get(name, "").strip()
    return value or None


def say_unless_said(name: str, value: str) -> None:
    """Set a variable of this process that says nothing yet."""
    if said(name) is None:
        os.environ[name] = value
