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
app.command("cct_ops.commands.inbox:inbox", name="inbox", help="What came in and became of it.")
app.command("cct_ops.commands.inbox:why", name="why", help="What became of one alert, and why.")
app.command("cct_ops.commands.inbox:readmit", name="readmit", help="Retry what is in quarantine.")
app.command("cct_ops.commands.replay:replay", name="replay", help="Past alerts, by today's rules.")


def main() -> None:
    """Run one command; what an operator did wrong is one sentence, never a traceback."""
    try:
        code = app()
    except OpsError as error:
        console = Console(stderr=True, soft_wrap=True)
        console.print(Text.assemble(("cct-ops: ", "bold red"), str(error)))
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
