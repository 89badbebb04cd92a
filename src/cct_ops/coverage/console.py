"""Checks the coverage, and shows it as lines or as JSON (``cct-ops coverage``)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from cyclopts import App
from rich.console import Console
from rich.text import Text

from cct_ops.config import yaml_files
from cct_ops.coverage import runbook
from cct_ops.coverage.check import MappedItem, Mapping, Status, check, offer
from cct_ops.terminal import visible

_STYLES = {
    Status.AUTOMATED: "green",
    Status.GATED: "cyan",
    Status.HUMAN: "blue",
    Status.PLANNED: "yellow",
}


def show(runbook_file: Path, mapping: Path | None, *, as_json: bool) -> int:
    """Show what does each item of the runbook; 1 unless all of it is taken care of."""
    from cct_ops.stack.config import project_of

    project = project_of(Path.cwd())
    items = runbook.read(runbook_file)
    known = yaml_files.load(mapping or project / "docs" / "coverage.yaml", Mapping)
    mapped = check(items, known, offer(project, frozenset(_commands())))
    done = all(found.status.done for found in mapped)
    if as_json:
        listed = [found.model_dump(mode="json") for found in mapped]
        print(json.dumps({"covered": done, "items": listed}, indent=2))
    else:
        _show(mapped)
    return 0 if done else 1


def _show(mapped: Sequence[MappedItem]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    section = None
    for found in mapped:
        if found.section != section:
            section = found.section
            console.print(Text(f"\n{visible(section)}", "bold"))
        style = _STYLES.get(found.status, "bold red")
        console.print(Text.assemble((f"  {found.status:<10}", style), visible(found.text)))
        said = " ".join(part for part in (found.by, found.note) if part)
        console.print(Text(f"            {visible(said)}", style="dim"))
    counted = Counter(found.status for found in mapped)
    total = ", ".join(f"{counted[status]} {status}" for status in Status if counted[status])
    console.print(f"\n{len(mapped)} items: {total}", markup=False)


def _commands() -> Iterator[str]:
    """Yield every command of cct-ops with its subcommands, as one types them."""
    from cct_ops.cli import app  # which imports this module by name, when it is used

    for name in _names(app):
        yield name
        yield from (f"{name} {sub}" for sub in _names(app[name]))


def _names(app: App) -> list[str]:
    return [name for name in app if not name.startswith("-")]
