"""Which state of the code a fork server has loaded."""

from __future__ import annotations

import os
from pathlib import Path

import cct_ops

_FOLDERS = ("flows", "tasks", "deployments")


def signature(project: Path) -> int:
    """Return a number that changes when any source file of the playbooks does."""
    package = Path(cct_ops.__file__).parent
    return hash(tuple(_files(package, *(project / name for name in _FOLDERS))))


def _files(*folders: Path) -> list[tuple[str, int, int]]:
    found = []
    for folder in folders:
        for root, directories, names in os.walk(folder):
            directories[:] = sorted(name for name in directories if name != "__pycache__")
            for name in sorted(names):
                if name.endswith(".py"):
                    facts = os.stat(os.path.join(root, name))  # noqa: PTH116, PTH118 -- in every start's way
                    found.append((f"{root}/{name}", facts.st_mtime_ns, facts.st_size))
    return found
