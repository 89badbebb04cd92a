"""
The parts of the project from the ground up, and all that each may import of the others.

A part names only parts that stand above it in the table, so there is no cycle and no arrow upwards.
``python -m tests.import_rules`` prints the same table as a graph.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from textwrap import fill

ROOT = Path(__file__).parent.parent
OURS = ("cct_ops", "deployments", "evaluation", "flows", "tasks", "tests")

# A part is a package or module of ``cct_ops``, or a folder beside it.
LAYERS: dict[str, dict[str, str]] = {
    "ground": {
        "cct_ops": "",
        "errors": "",
        "beside": "",
        "child_process": "",
        "interrupts": "",
        "variables": "",
        "mounted_secrets": "errors variables",
        "addresses": "errors",
        "redaction": "",
        "terminal": "",
        "typed": "variables",
        "exposition": "",
        "tracing": "",
    },
    "nouns and settings": {
        "models": "",
        "sandbox": "child_process models variables",  # it must be able to disagree with the clients
        "clocks": "models",
        "config": "errors models",
        "databases": "errors",
        "listeners": "addresses",
        "settings": "databases errors listeners models",
        "summaries": "errors models terminal variables",
        "scenarios": "models sandbox",
    },
    "systems and record": {
        "clients": "config errors interrupts models tracing typed",
        "ledger": "beside clients config errors interrupts models redaction settings typed",
    },
    "what is done and why": {"actions": "clients errors models", "diagnoses": "actions models"},
    "reports, people, gate": {
        "reports": "actions clients config diagnoses ledger models settings typed",
        "people": "clients config errors ledger models reports settings",
        "record": "clients config errors ledger models redaction summaries terminal",
        "gate": "actions clients config diagnoses errors interrupts ledger models reports settings"
        " tracing",
    },
    "services": {
        "gateway": "addresses clients config errors exposition ledger models people redaction"
        " reports settings terminal tracing",
        "controller": "clients clocks config errors exposition gate gateway ledger models people"
        " record reports settings terminal tracing typed",
        "replay": "cct_ops config controller errors gate gateway ledger models redaction",
        "stack": "addresses errors record settings typed variables",
        "board": "addresses clients config errors gate gateway ledger models record replay reports"
        " sandbox scenarios settings terminal typed variables",
        "worker": "cct_ops clients exposition ledger models reports settings stack tracing",
    },
    "commands": {
        "game_day": "clients config errors models sandbox scenarios stack",
        "rehearsal": "child_process clients errors game_day ledger models sandbox scenarios"
        " stack variables worker",
        "backup": "clients errors ledger models record stack",
        "demo": "errors ledger models reports sandbox stack",
        "doctor": "clients clocks config controller errors gateway ledger models people record"
        " redaction settings stack terminal",
        "cli": "errors mounted_secrets stack terminal",
        "coverage": "cli config errors models stack terminal",
        "scaffold": "errors models",
        "commands": "addresses backup cli clients config controller coverage demo doctor errors"
        " gate gateway ledger models record rehearsal replay reports scaffold settings stack"
        " summaries terminal typed variables",
    },
    # beside the wheel, so nothing in it can import these
    "playbooks": {
        "tasks": "actions beside child_process clients config diagnoses errors gate interrupts"
        " ledger models people record reports scenarios settings summaries tracing typed",
        "flows": "diagnoses models tasks",
        "deployments": "errors models reports",
    },
    "evidence": {
        "evaluation": "actions beside child_process clients config controller diagnoses errors"
        " game_day gate gateway ledger models people record replay reports sandbox settings stack"
        " tasks variables worker",
        "docs": "",  # what a stranger runs, with nothing of ours in it
    },
}
# From the ground up, tests last: these may import all.
MAY_IMPORT = {part: set(names.split()) for row in LAYERS.values() for part, names in row.items()}
MAY_IMPORT["tests"] = set(MAY_IMPORT)

# Parts whose tests are not in the folder of their name, and folders about no single part.
TESTED_IN = {
    "cct_ops": "test_conventions.py",
    "cli": "commands/test_cli.py",
    "clocks": "flows/test_clocks.py",
    "databases": "test_settings.py",
    "docs": "record/test_export.py",
    "errors": "clients/test_transport.py",
    "exposition": "controller/test_metrics.py",
    "listeners": "test_settings.py",
    "game_day": "flows/test_game_day.py",
    "scaffold": "commands/test_new_playbook.py",
    "scenarios": "flows/test_every_way.py",
    "terminal": "commands/test_listings.py",
    "typed": "test_variables.py",
}
ACROSS = {"approvals", "claims", "end_to_end", "starts"}


def part_of(module: str) -> str:
    """Return the part that a module of ours belongs to."""
    top, *below = module.split(".")
    return below[0] if top == "cct_ops" and below else top


def module_of(path: Path) -> str:
    """Return the name under which a file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[1:] if parts[0] == "src" else parts).removesuffix(".__init__")


def arrows(path: Path) -> set[str]:
    """Return the parts that a file imports, wherever in it."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "cct_ops":
            found += [f"cct_ops.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(str(node.module))
    return {part_of(name) for name in found if name.split(".")[0] in OURS}


def graph() -> str:
    """Return the table as text, from the top down, without the arrows to the ground."""
    lines = []
    for layer, row in reversed(LAYERS.items()):
        lines.append(f"{layer}:")
        for part, names in row.items():
            shown = [name for name in names.split() if name not in LAYERS["ground"]]
            line = f"  {part:<12}-> {' '.join(shown)}" if shown else f"  {part}"
            lines.append(fill(line, 92, subsequent_indent=" " * 17))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(f"{graph()}\n")
