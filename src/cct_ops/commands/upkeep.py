"""``cct-ops start``, ``migrate``, ``deploy`` and ``prefect``: parts and tools, on our stack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from cct_ops.variables import said, say_unless_said


def start(
    part: Annotated[
        Literal["gateway", "controller", "board"],
        Parameter(help="Which part; a worker: `cct-ops prefect`."),
    ],
) -> int:
    """Run one part here, with the environment of the stack that runs from this folder."""
    if part == "gateway":
        _find_approval_key()
    return _python("-m", f"cct_ops.{part}")


def migrate() -> int:
    """Bring the ledger to the newest schema."""
    return _python("-m", "cct_ops.ledger")


def deploy() -> int:
    """Make the work pools, limits and deployments of prefect.yaml in Prefect."""
    from cct_ops.stack.config import project_of

    return _python(str(project_of(Path.cwd()) / "deployments" / "apply.py"))


def prefect(
    *words: Annotated[str, Parameter(allow_leading_hyphen=True, help="The arguments for Prefect.")],
) -> int:
    """Run Prefect's own command line, with the environment of the stack that runs here."""
    from cct_ops.commands.here import prefect_must_be_known

    prefect_must_be_known()
    return _python("-m", "prefect", *words)


def _find_approval_key() -> None:
    """Take the key of approvers' links from the stack's data: its environment is for all parts."""
    data = said("CCT_OPS_DATA")
    key = Path(data) / "keys" / "approvals" if data else None
    if key is not None and key.is_file():
        say_unless_said("CCT_OPS_APPROVAL_KEY_FILE", str(key))


def _python(*words: str) -> int:
    return subprocess.run([sys.executable, *words], check=False).returncode  # noqa: S603 -- as typed
