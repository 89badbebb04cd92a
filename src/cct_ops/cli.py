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
app.command("cct_ops.commands.switches:stop", name="stop", help="Let nothing new be changed.")
app.command("cct_ops.commands.switches:resume", name="resume", help="Let changes through again.")
app.command("cct_ops.commands.switches:hold", name="hold", help="Take a target over yourself.")
app.command("cct_ops.commands.switches:release", name="release", help="End the holds of a target.")
app.command("cct_ops.commands.guards:guards", name="guards", help="What stops changes right now.")
app.command("cct_ops.commands.autonomy:autonomy", name="autonomy", help="What playbooks earned.")


def main() -> None:
    """Run one command; what an operator did wrong is one sentence, never a traceback."""
    try:
        code = app()
    except OpsError as error:
        console = Console(stderr=True, soft_wrap=True)
        console.print(Text.assemble(("cct-ops: ", "bold red"), str(error)))
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
