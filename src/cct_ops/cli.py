"""The command ``cct-ops``: a table of commands, each imported only when it is used or listed."""

from __future__ import annotations

import sys

from cyclopts import App

from cct_ops.errors import OpsError
from cct_ops.terminal import say

HELP = """
The CCT operations runbook as software: incident playbooks on Prefect 3.

An alert comes in, a playbook looks, concludes, asks where it must, acts, verifies and reports.

- `cct-ops demo` shows that on this machine in about a minute and leaves nothing behind.
- `cct-ops up` runs it for good: against your CCT when `CCT_URL` and `X_API_KEY` are set, else
  against a sandbox that behaves like CCT.
"""

app = App(name="cct-ops", help=HELP, help_format="markdown", result_action="return_value")

# No help= here: it would hide the docstring in `cct-ops <command> --help`. The modules are light:
# whatever is heavy they import inside their functions.
for name, where in {
    "up": "up:up",
    "run": "run:run",
    "demo": "demo:demo",
    "summary": "summary:app",
    "new": "new:app",
    "coverage": "coverage:coverage",
    "doctor": "doctor:doctor",
    "stop": "switches:stop",
    "resume": "switches:resume",
    "hold": "switches:hold",
    "release": "switches:release",
    "retry-key": "switches:retry_key",
    "guards": "guards:guards",
    "autonomy": "autonomy:autonomy",
    "changes": "changes:changes",
    "approvals": "approvals:approvals",
    "inbox": "inbox:inbox",
    "why": "why:why",
    "incident": "incident:incident",
    "incidents": "incidents:incidents",
    "review": "review:review",
    "follow-ups": "follow_ups:follow_ups",
    "report": "report:report",
    "audit": "audit:audit",
    "pages": "pages:pages",
    "ack": "ack:ack",
    "board": "board:board",
    "reprocess": "inbox:reprocess",
    "requeue": "inbox:requeue",
    "replay": "replay:replay",
    "start": "upkeep:start",
    "migrate": "upkeep:migrate",
    "deploy": "upkeep:deploy",
    "prefect": "upkeep:prefect",
}.items():
    app.command(f"cct_ops.commands.{where}", name=name)

# They make an environment of their own or need none; every other command works on the stack that
# runs here.
_APART = ("up", "demo", "summary", "new", "coverage", "--version")


def adopt() -> None:
    """Find the stack that runs here, for commands that name no other."""
    from cct_ops.stack import environment

    environment.adopt()


def main() -> None:
    """Run one command; what an operator did wrong is one sentence, never a traceback."""
    if len(sys.argv) < 2 or sys.argv[1] in app.help_flags:
        app.resolved_commands()  # the list shows the first line of each docstring
    elif sys.argv[1] not in _APART:
        adopt()
    try:
        code = app(sys.argv[1:])
    except OpsError as error:
        say(("cct-ops: ", "bold red"), str(error), stderr=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
