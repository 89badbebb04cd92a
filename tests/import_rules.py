"""What each part may import of the others: one way, never back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

# What of ours each part may know, beside itself.
GENERAL = {"addresses", "errors", "models", "settings", "config", "typed", "variables", "terminal"}
KNOWS: dict[str, set[str]] = {
    "addresses": set(),
    "clocks": {"models"},
    "errors": set(),
    "models": set(),
    "actions": {"clients", "config", "errors", "models"},
    "diagnoses": {"actions", "models"},
    "sandbox": {"models", "variables"},
    "scenarios": {"models", "sandbox"},
    "settings": {"errors", "addresses", "models"},
    "typed": {"variables"},
    "variables": set(),
    "config": {"addresses", "errors", "models", "settings"},
    "clients": GENERAL,
    "ledger": GENERAL | {"clients", "diagnoses", "redaction"},
    "terminal": set(),
    "summaries": {"errors", "models", "terminal", "variables"},
    "coverage": GENERAL
    | {"cli", "stack", "terminal"},  # which commands there are, and where the project is
    "reports": GENERAL | {"ledger", "clients", "diagnoses", "actions"},  # clients: to quote text
    "people": GENERAL | {"ledger", "clients", "reports"},
    # for links to approvers and Slack
    "gateway": GENERAL | {"ledger", "clients", "reports", "people"},
    "gate": GENERAL | {"ledger", "clients", "diagnoses", "actions", "people", "reports"},
    "controller": GENERAL | {"ledger", "clients", "reports", "people", "gate", "clocks", "gateway"},
}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path) -> set[str]:
    """The parts of ``cct_ops`` that a file imports, by their first name."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("cct_ops.")}
