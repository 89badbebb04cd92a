"""``cct-ops demo``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def demo(
    *,
    keep: Annotated[
        bool, Parameter(help="Leave the stack up afterwards, to look around; Ctrl-C ends it.")
    ] = False,
) -> int:
    """
    Let one incident happen on this machine and show how it is repaired.

    Starts the same stack as `cct-ops up`, but in a temporary folder, on free ports, with a sandbox
    in CCT's place and nothing of your environment but what programs need to run. The sandbox pulls
    a canary for a breached SLO, Alertmanager sends the alert (the real one where it is installed),
    a playbook puts the canary back and watches it.

    Takes about a minute. The exit code is 0 only if the canary really serves again.
    """
    from cct_ops.demo.story import run_demo

    return run_demo(keep=keep)
