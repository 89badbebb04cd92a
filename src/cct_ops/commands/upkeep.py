"""``cct-ops start``, ``migrate``, ``deploy`` and ``prefect``: parts and tools, on our stack."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cct_ops.stack.part_names import PartName
from cct_ops.variables import normalized, said, say_unless_said


def start(
    part: Annotated[PartName, Parameter(help="Which part; see docs/many-machines.md.")],
) -> int:
    """
    Become one part here: with the environment of the stack that runs from this folder, or as set.

    On several machines each part is started like this by whatever supervises it there. It takes the
    place of this command, so signals reach the part itself.
    """
    from cct_ops.stack.host_part import host_part

    if part == "gateway":
        _find_approval_key()
    made = host_part(part, normalized(os.environ))
    # A background job of a script begins with it ignored, and a worker and Prefect's services,
    # which end by it, would have to be killed.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execve(made.argv[0], made.argv, {**os.environ, **made.env})  # noqa: S606 -- no shell


def migrate() -> int:
    """
    Bring the ledger to the newest schema, and Prefect's database where its URL is set.

    Several servers on one database do not do the latter at their start: once is before all of them.
    """
    code = _python("-m", "cct_ops.ledger")
    if code or said("PREFECT_API_DATABASE_CONNECTION_URL") is None:
        return code
    return _python("-m", "cct_ops.stack.prefect_database")


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
