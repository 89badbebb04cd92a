"""
A stack of made-up parts, as small as they can be, to show what the supervisor does with them.

``python -m tests.stack.tiny <data folder> <marker>`` runs `up` with two of them, the second of
which has a child of its own that has left its session and ignores SIGTERM.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cct_ops.stack.assembly import Assembly
from cct_ops.stack.config import StackConfig
from cct_ops.stack.part import Ends, Part, Plan, Prints, Restarts
from cct_ops.stack.process import Program
from cct_ops.stack.up import up

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
READY = "print('ready', flush=True)\n"
SLEEP = "import time; time.sleep(600)\n"
PARENT = f"""
import subprocess, sys
code = {(STUBBORN + READY + SLEEP)!r}
child = [sys.executable, '-I', '-c', code, sys.argv[1]]
process = subprocess.Popen(child, start_new_session=True, stdout=subprocess.PIPE)
process.stdout.readline()
{READY}{SLEEP}"""


def program(code: str, marker: str, *, stop_seconds: float = 0.5, finish: bool = False) -> Program:
    """Return Python code as a program whose processes can be found by the marker."""
    return Program(
        argv=(sys.executable, "-I", "-c", code, marker),
        env=dict(os.environ),
        stop_seconds=stop_seconds,
        orphans_finish=finish,
    )


def service(name: str, code: str, marker: str, *after: str, stop_seconds: float = 0.5) -> Part:
    """Return a part that is ready when it prints so."""
    run = program(code, marker, stop_seconds=stop_seconds)
    return Part(name=name, program=run, ready=Prints(text="ready"), after=after, start_seconds=20)


def step(name: str, code: str, marker: str, *after: str) -> Part:
    """Return a part that is ready when it has ended well."""
    return Part(name=name, program=program(code, marker), ready=Ends(), after=after)


def plan(data: Path, *parts: Part, lock_fd: int | None = None) -> Plan:
    """Return a plan that does not wait long before a restart."""
    return Plan(
        parts=parts,
        logs=data / "logs",
        status=data / "status.json",
        lock_fd=lock_fd,
        restarts=Restarts(first_delay_seconds=0.01),
    )


def _assemble(config: StackConfig, lock_fd: int) -> Assembly:
    marker = sys.argv[2]
    parts = (service("one", READY + SLEEP, marker), service("two", PARENT, marker, "one"))
    urls = dict.fromkeys(("prefect", "gateway", "hook"), "http://nowhere")
    urls["cct"] = "http://127.0.0.1:9"  # where nobody listens
    return Assembly(plan(config.data, *parts, lock_fd=lock_fd), {}, urls, own_key=None)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.exit(up(StackConfig(project=folder, data=folder), assembler=_assemble))
