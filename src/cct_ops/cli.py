"""The command ``cct-ops``: a table of commands, each imported only when it is used or listed."""

from __future__ import annotations

import errno
import os
import sys

from cyclopts import App

from cct_ops import mounted_secrets
from cct_ops.errors import BadConfiguration, OpsError
from cct_ops.terminal import say

HELP = """
The CCT operations runbook as software: incident playbooks on Prefect 3.

An alert comes in, a playbook looks, concludes, asks where it must, acts, verifies and reports.

- `cct-ops demo` shows that on this machine in about a minute and leaves nothing behind.
- `cct-ops up` runs it for good: against your CCT when `CCT_URL` and `X_API_KEY` are set, else
  against a sandbox that behaves like CCT.

Commands work on the stack that runs from this folder. Another one is named by its data: with
`--data PATH`, which every command takes, or `CCT_OPS_DATA`.
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
    "drain": "drain:drain",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "rehearse": "rehearse:rehearse",
    "hold": "switches:hold",
    "release": "switches:release",
    "retry-key": "switches:retry_key",
    "maintenance": "declaring:maintenance",
    "silence": "declaring:silence",
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
    "on-call": "on_call:on_call",
    "assign": "responding:assign",
    "note": "responding:note",
    "takeover": "takeover:takeover",
    "board": "board:board",
    "token": "token:token",
    "reprocess": "inbox:reprocess",
    "requeue": "inbox:requeue",
    "repeat": "repeat:repeat",
    "replay": "replay:replay",
    "completion": "completion:completion",
    "start": "upkeep:start",
    "migrate": "upkeep:migrate",
    "deploy": "upkeep:deploy",
    "prefect": "upkeep:prefect",
    "alive": "alive:alive",
}.items():
    app.command(f"cct_ops.commands.{where}", name=name)

# They make an environment of their own or need none; every other command works on the stack that
# runs here.
_APART = (
    "up",
    "demo",
    "summary",
    "new",
    "coverage",
    "completion",
    "rehearse",
    "restore",
    "--version",
)


def adopt(data: str | None = None) -> None:
    """Find the stack on these data, or the one that runs here."""
    from pathlib import Path

    from cct_ops.stack import environment

    environment.adopt(None if data is None else Path(data))


def without_data(words: list[str]) -> tuple[list[str], str | None]:
    """
    Take ``--data PATH`` out of the words of a command, wherever it stands in them.

    What stands behind ``prefect``, or behind ``--``, is not for us; ``up`` and ``restore``
    have such an option. Raises ``BadConfiguration`` where no path follows.
    """
    rest: list[str] = []
    data = None
    for place, word in enumerate(words):
        if word == "--" or (word in {"prefect", "restore", "up"} and not rest):
            return [*rest, *words[place:]], data
        if rest and rest[-1] == "--data":
            rest[-1:], data = [], word
        elif word.startswith("--data="):
            data = word.partition("=")[2]
        else:
            rest.append(word)
    if rest and rest[-1] == "--data":
        raise BadConfiguration("--data takes the folder in which a stack keeps its data")
    return rest, data


def main() -> None:
    """Run one command; what an operator did wrong is one sentence, never a traceback."""
    try:
        mounted_secrets.adopt()
        words, data = without_data(sys.argv[1:])
        if not words or words[0] in app.help_flags:
            app.resolved_commands()  # the list shows the first line of each docstring
        elif words[0] not in _APART:
            adopt(data)
        code = app(words)
        sys.stdout.flush()
    except OpsError as error:
        say(("cct-ops: ", "bold red"), str(error), stderr=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # in whatever somebody typed as a path
            place = error.filename or "a path"
            say(("cct-ops: ", "bold red"), f"{place}: {error.strerror}", stderr=True)
            sys.exit(1)
        sys.exit(_unread(error))
    sys.exit(code if isinstance(code, int) else 0)


def _unread(error: OSError) -> int:
    """Return the exit status where standard output takes no more; any other error is raised."""
    if error.filename is not None or error.errno not in {errno.EPIPE, errno.ENOSPC}:
        raise error
    # What is still buffered has nowhere to go either, and would be complained of at the end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno != errno.EPIPE:  # such as `| head`, which has read what it wanted
        say(("cct-ops: ", "bold red"), f"the output went nowhere: {error.strerror}", stderr=True)
    return 1
