"""The sandbox as a process of its own, for as long as a ``with`` block lasts."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Dialect

START_SECONDS = 30
STOP_SECONDS = 5
GREETING = "sandbox: "


@contextmanager
def start_sandbox(
    *,
    dialect: Dialect = "runbook",
    limits: bool = True,
    api_key: str = "sandbox-key",
    port: int = 0,
) -> Iterator[SandboxControl]:
    """
    Run a sandbox and yield its control.

    It dies with this process, and already with the thread that started it (Linux ties the two).
    """
    command = [sys.executable, "-m", "cct_ops.sandbox", "--port", str(port), "--dialect", dialect]
    command += ["--parent", str(os.getpid())]
    if not limits:
        command.append("--no-limits")
    environment = os.environ | {"X_API_KEY": api_key}
    with subprocess.Popen(  # noqa: S603 -- our own module with our own arguments
        command, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            with SandboxControl(_announced_url(process), api_key) as control:
                yield control
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _announced_url(process: subprocess.Popen[str]) -> str:
    """Wait for the line with the sandbox's URL."""
    assert process.stdout is not None  # noqa: S101 -- for the type checker: it is a pipe
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if ready else ""
    if not line.startswith(GREETING):
        raise RuntimeError(f"the sandbox did not start: it printed {line!r}, see stderr")
    return line.removeprefix(GREETING).strip()
