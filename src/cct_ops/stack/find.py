"""Where the ledger of this machine's running stack is, for commands that a person types."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr

from cct_ops.errors import BadConfiguration
from cct_ops.settings import Settings
from cct_ops.stack.config import project_of
from cct_ops.stack.postgres import Cluster

_PORT_LINE = 3  # of postmaster.pid, counted from 0


def ledger_url(data: Path | None = None) -> SecretStr:
    """
    Return the ledger's URL: CCT_OPS_DATABASE_URL, or else that of the stack that runs here.

    ``data`` is where ``cct-ops up`` keeps everything, if not in its usual place.
    """
    given = Settings.load().database_url
    if given is not None:
        return given
    folder = (data or project_of(Path.cwd()) / ".cct-ops") / "postgres"
    try:
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
        os.kill(int(lines[0]), 0)
        port = int(lines[_PORT_LINE])
    except PermissionError:  # it runs, as PostgreSQL's own user
        port = int(lines[_PORT_LINE])
    except (OSError, ValueError, IndexError):
        raise BadConfiguration(
            f"no stack runs with its data in {folder.parent}: start one with `cct-ops up`, or set"
            " CCT_OPS_DATABASE_URL to the ledger's URL"
        ) from None
    return SecretStr(Cluster(folder, port).url("cct_ops"))
