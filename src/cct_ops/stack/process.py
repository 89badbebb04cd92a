"""A program, and a process of it under its process guard."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

_LOG_BYTES = 20_000_000  # a log larger than this is put aside before the next start
_TAIL_BYTES = 8_000


class Program(BaseModel, frozen=True):
    """A command line and how to stop it; ``env`` is the whole environment."""

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: Path = Path("/")
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 10.0
    orphans_finish: bool = False  # when the program dies by itself, what it started may go on


class Process:
    """One run of a program, with its output in a log file."""

    def __init__(self, program: Program, log: Path, *, keep_open: tuple[int, ...] = ()) -> None:
        """Start it; ``keep_open`` are descriptors that the guard holds until nothing is left."""
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
        self._log_start = log.stat().st_size if log.exists() else 0
        guard = [sys.executable, "-P", "-m", "cct_ops.stack.process_guard"]
        guard += ["--stop-signal", str(int(program.stop_signal))]
        guard += ["--stop-seconds", str(program.stop_seconds)]
        guard += ["--user", program.user] if program.user else []
        guard += ["--orphans-finish"] if program.orphans_finish else []
        with log.open("ab") as output:
            self._guard = subprocess.Popen(  # noqa: S603 - the command line is made here
                [*guard, "--", *program.argv],
                env=program.env,
                cwd=program.cwd,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # out of reach of the terminal's Ctrl-C
                pass_fds=keep_open,
            )

    @property
    def pid(self) -> int:
        """The guard's process id."""
        return self._guard.pid

    def exit_code(self) -> int | None:
        """The program's exit code, None while it or anything that it started is there."""
        return self._guard.poll()

    def wait(self, seconds: float | None = None) -> int:
        """Wait until nothing is left of it; raises subprocess.TimeoutExpired."""
        return self._guard.wait(seconds)

    def stop(self) -> None:
        """Ask for an orderly stop; returns at once."""
        stdin = self._guard.stdin
        if stdin is not None and not stdin.closed:
            # A line, not only the end: a forked copy of us may hold the pipe open.
            with contextlib.suppress(BrokenPipeError):
                os.write(stdin.fileno(), b"stop\n")
            stdin.close()

    def kill(self) -> None:
        """Stop it without grace; returns at once."""
        self.stop()
        if self._guard.poll() is None:
            os.kill(self._guard.pid, signal.SIGQUIT)

    def output(self) -> str:
        """The last few thousand bytes that this run has written so far."""
        with self._log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - _TAIL_BYTES))
            return log.read().decode(errors="replace")
