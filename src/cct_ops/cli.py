"""The command ``cct-ops``: a table of commands, each imported only when it is used."""

from __future__ import annotations

import sys

from cyclopts import App
from rich.console import Console
from rich.text import Text

from cct_ops.errors import OpsError

app = App(
    name="cct-ops",
    help="The CCT operations runbook as software: incident playbooks on Prefect 3.",
    help_format="markdown",
    result_action="return_value",
)

app.command("cct_ops.commands.up:up", name="up", help="Run the whole stack on this machine.")
app.command("cct_ops.commands.summary:app", name="summary")
app.command(
    "cct_ops.commands.coverage:coverage", name="coverage", help="What of a runbook is software."
)


def main() -> None:
    """Run one command; what an operator did wrong is one sentence, never a traceback."""
    try:
        code = app(sys.argv[1:])
    except OpsError as error:
        console = Console(stderr=True, soft_wrap=True)
        console.print(Text.assemble(("cct-ops: ", "bold red"), str(error)))
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
