"""The commands that people are asked to type, as they work where these people are."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from cct_ops.variables import said

COMMAND = "CCT_OPS_COMMAND"
_NAME = "cct-ops"


def typed(*words: str) -> str:
    """
    Return a command of ours exactly as it has to be typed.

    An argument that looks like an option has to stand behind ``--``, which is up to the caller.
    """
    return f"{program()} {shlex.join(words)}"


def program() -> str:
    """Return what our commands begin with, for the shell: as the environment says, or the name."""
    return said(COMMAND) or _NAME


def program_for(project: Path, data: Path, usual_data: Path) -> str:
    """Return what commands about a stack begin with, for a shell in its project's folder."""
    beside = Path(sys.executable).with_name(_NAME)
    found = shutil.which(_NAME)
    if beside.is_relative_to(project):
        words = shlex.quote(str(beside.relative_to(project)))
    elif found is not None and Path(found).resolve() == beside.resolve():
        words = _NAME
    else:
        words = shlex.quote(str(beside))
    return words if data == usual_data else f"CCT_OPS_DATA={shlex.quote(str(data))} {words}"
