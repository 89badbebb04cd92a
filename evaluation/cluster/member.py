"""One process of the cluster, by its name: it can be killed, paused, slowed and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from cct_ops.variables import harmless
from evaluation.cluster.network import Host
from evaluation.soak.parts import ROOT

_ROUND_SECONDS = 0.1
_SHARE = 0.1  # of each round in which a slow process runs: ten times slower


def as_user(name: str, group: int | str | None = None) -> tuple[str, ...]:
    """Return what stands before a command that this user runs, where this process is root."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", f"--reuid={name}", f"--regid={group or name}", "--clear-groups")


@dataclass
class Member:
    """
    A process of a host; ``well`` says whether it does its work at this moment.

    ``user`` is the system's user that it runs as, and ``group`` a group that nothing else has, by
    which its packets are told from those of others; both where this process is root. ``before`` is
    a command that starts the real one, and ``source`` the tree that it runs from.
    """

    name: str
    host: Host
    command: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    well: Callable[[], bool]
    user: str = "root"
    group: int = 0
    before: tuple[str, ...] = ()
    stops_by: signal.Signals = signal.SIGTERM
    source: Path = ROOT
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _log_start: int = field(default=0, init=False)
    _fast: threading.Event = field(default_factory=threading.Event, init=False)

    @property
    def kind(self) -> str:
        """Its name without its number."""
        return self.name.rstrip("0123456789").rstrip("-")

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- commands of our own
                [*self.host.prefix, *as_user(self.user, self.group), *self.before, *self.command],
                env={**harmless(os.environ), **self.env},
                cwd=self.source,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, *, with_children: bool = False) -> None:
        """End it without a chance to finish anything; by itself, its children live on."""
        self._fast.set()
        if self._process is None:
            return
        for process in self.processes() if with_children else self.processes()[:1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        self._process = None

    def stop(self, seconds: float = 60) -> None:
        """End it in order, a worker with its runs, or by force when it takes too long."""
        if self._process is not None:
            self._process.send_signal(self.stops_by)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill(with_children=True)

    def pause(self) -> None:
        """Let it and its children keep their connections and do nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def slow(self) -> None:
        """Let it run for a tenth of the time only, until ``fast``."""
        self._fast = threading.Event()
        stutter(self._signal, self._fast)

    def fast(self) -> None:
        """Let it run for all of the time again."""
        self._fast.set()
        self.resume()

    def is_well(self) -> bool:
        """Say whether it runs and does its work."""
        return self._process is not None and self._process.poll() is None and self.well()

    def printed(self, text: str) -> bool:
        """Say whether it has written this since it was started last."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return text.encode() in log.read()

    def wait_until_well(self, seconds: float = 240) -> None:
        """Wait for that; raises with the end of its log where it does not come."""
        until = time.monotonic() + seconds
        while not self.is_well():
            died = self._process is None or self._process.poll() is not None
            if died or time.monotonic() > until:
                end = self.log.read_text(errors="replace")[-2000:]
                raise TimeoutError(f"{self.name} {'died' if died else 'is not well'}:\n{end}")
            time.sleep(0.2)

    def processes(self) -> list[psutil.Process]:
        """Return its process and all below it."""
        if self._process is None:
            return []
        try:
            first = psutil.Process(self._process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _signal(self, signum: int) -> None:
        send(self.processes(), signum)


def send(processes: Sequence[psutil.Process], signum: int) -> None:
    """Send a signal to all of them that live."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signum)


def stutter(signals: Callable[[int], object], fast: threading.Event) -> None:
    """Let what is sent these signals run for a tenth of the time only, until it may be fast."""

    def stutters() -> None:
        while not fast.is_set():
            signals(signal.SIGSTOP)
            time.sleep(_ROUND_SECONDS * (1 - _SHARE))
            signals(signal.SIGCONT)
            fast.wait(_ROUND_SECONDS * _SHARE)

    threading.Thread(target=stutters, daemon=True).start()
