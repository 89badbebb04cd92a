"""Controllers that stream, as processes that can be killed, and an endpoint that can be down."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from prefect.context import refresh_global_settings_context

from cct_ops.controller import __main__ as program, streams
from cct_ops.record.stream import batches
from tests.conftest import ROOT

QUICK_SECONDS = 0.2


def _control(environment: Mapping[str, str]) -> None:
    """Be the controller, which looks more often than it does elsewhere."""
    os.environ.update(environment)
    refresh_global_settings_context()  # what Prefect was told when it was imported
    streams.EVERY_SECONDS = QUICK_SECONDS
    batches.FIRST_PAUSE_SECONDS = QUICK_SECONDS
    batches.LONGEST_PAUSE_SECONDS = 2 * QUICK_SECONDS
    raise SystemExit(program.main())


@contextmanager
def controller(environment: Mapping[str, str]) -> Iterator[ForkServerProcess]:
    """Have a controller: the program itself, forked from a server that has imported it."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.controller.streaming"])
    process = processes.Process(target=_control, args=(dict(environment),), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
        process.close()


@contextmanager
def endpoint(port: int, file: Path) -> Iterator[None]:
    """Have a receiver in a process of its own; afterwards it is down."""
    command = [sys.executable, "-m", "evaluation.siem.receiver", str(port), str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "receiving\n"
            yield
        finally:
            process.kill()
