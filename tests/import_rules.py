"""What each part may import of the others: one way, never back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

# What of ours each part may know, beside itself.
GENERAL = {"addresses", "errors", "models", "settings", "config_file", "references", "typed"}
GENERAL |= {"variables", "terminal"}
KNOWS: dict[str, set[str]] = {
    "addresses": set(),
    "clocks": {"models"},
    "errors": set(),
    "models": {"actions"},
    "actions": GENERAL | {"clients"},
    "sandbox": {"models", "variables"},
    "settings": {"errors", "addresses", "models"},
    "typed": {"variables"},
    "variables": set(),
    "config_file": {"errors"},
    "references": {"models"},
    "contacts": GENERAL,
    "clients": GENERAL,
    "ledger": GENERAL | {"clients", "redaction"},  # of the clients: what an answer is, to keep one
    "terminal": set(),
    "summaries": {"errors", "models", "terminal", "variables"},
    "coverage": GENERAL
    | {"cli", "stack", "terminal"},  # which commands there are, and where the project is
    "reports": GENERAL | {"ledger", "clients", "actions"},  # of the clients: how to quote text
    "on_call": GENERAL | {"contacts", "ledger", "clients"},
    "voice": GENERAL | {"contacts", "ledger", "clients", "reports"},
    "watch": GENERAL | {"ledger", "clients", "reports", "voice", "on_call"},
    # for letters to approvers and Slack
    "gateway": GENERAL | {"ledger", "clients", "reports", "voice", "watch", "contacts", "on_call"},
    "standing": GENERAL | {"ledger", "policy"},
    # of the clients: how long CCT may ask for silence; of the reports: the commands by hand
    "gate": GENERAL | {"actions", "ledger", "clients", "reports", "policy", "standing"},
    "reconcile": GENERAL | {"ledger", "gateway"},  # of the gateway: what a sender's words mean
    "dispatcher": GENERAL
    | {"ledger", "clients", "reports", "policy", "reconcile", "voice", "wake_ups", "watch"}
    | {"contacts", "on_call", "standing", "clocks"},
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
