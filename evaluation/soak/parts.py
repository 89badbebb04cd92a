"""The parts of a soak: a ledger, gateways and controllers that can be killed, and Prefect."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
from pydantic import SecretStr

from cct_ops.ledger.engine import connect, migrate
from cct_ops.stack.postgres import EmbeddedPostgres, free_port
from cct_ops.variables import harmless

ROOT = Path(__file__).parents[2]
KEY = "the-key-of-the-soak-0123456789abcdef"
SOURCES = """\
sources:
  alertmanager: &one
    kind: alertmanager
    keys: [{env: CCT_OPS_ALERTMANAGER_KEY}]
    repeat_interval_seconds: 14400
    group_interval_seconds: 300
  another: *one
"""


class Ledger:
    """A PostgreSQL that flushes to disk, with a migrated ledger."""

    def __init__(self, server: EmbeddedPostgres, folder: Path, url: SecretStr) -> None:
        self.server = server
        self.folder = folder
        self.url = url
        self.engine = connect(self.url)


@contextmanager
def ledger() -> Iterator[Ledger]:
    """Run one for the length of the block."""
    with tempfile.TemporaryDirectory() as name, EmbeddedPostgres(Path(name)) as server:
        made = Ledger(server, Path(name), SecretStr(server.url("cct_ops")))
        migrate(made.url)
        yield made
        made.engine.dispose()


class Process:
    """A process of ours on a port that stays the same, however often it is killed."""

    def __init__(
        self, command: list[str], env: dict[str, str], log: Path, health: str | None = None
    ) -> None:
        """Take the command; ``health`` is the address at which it answers when it is up."""
        self._command = command
        self._health = health
        self._env = env
        self._log = log
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it (again)."""
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(  # noqa: S603 -- our own modules
                self._command,
                env=harmless(os.environ) | self._env,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_and_wait(self) -> None:
        """Start it (again), and wait until it is up."""
        self.start()
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Wait until it answers, if it answers anywhere."""
        if self._health is not None:
            answers(self._health, 180)

    def kill(self) -> None:
        """End it without a chance to finish anything."""
        if self._running is not None:
            os.killpg(self._running.pid, signal.SIGKILL)
            self._running.wait()
            self._running = None

    def hang(self, *, hangs: bool) -> None:
        """Let it keep its connections and answer nothing, or go on."""
        if self._running is not None:
            os.killpg(self._running.pid, signal.SIGSTOP if hangs else signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """Return how much of a processor it has used since it was started."""
        if self._running is None:
            return 0.0
        used = psutil.Process(self._running.pid).cpu_times()
        return float(used.user + used.system)

    def output(self) -> str:
        """Return all that it wrote."""
        return self._log.read_text(errors="replace")


class Gateway(Process):
    """A gateway."""

    def __init__(self, made: Ledger, name: str = "gateway") -> None:
        self.port = free_port()
        sources = made.folder / "sources.yaml"
        sources.write_text(SOURCES)
        env = {
            "CCT_OPS_DATABASE_URL": made.url.get_secret_value(),
            "CCT_OPS_GATEWAY_PORT": str(self.port),
            "CCT_OPS_ALERTMANAGER_KEY": KEY,
            "CCT_OPS_SOURCES_PATH": str(sources),
        }
        command = [sys.executable, "-m", "cct_ops.gateway"]
        health = f"http://127.0.0.1:{self.port}/healthz"
        super().__init__(command, env, made.folder / f"{name}.log", health)

    def address(self) -> tuple[str, int]:
        """Return where it listens."""
        return "127.0.0.1", self.port


def answers(url: str, seconds: float) -> None:
    """Wait until the address answers with success."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if httpx.get(url, timeout=2, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer within {seconds:g} s")


@contextmanager
def killed_in_the_end(*processes: Process) -> Iterator[None]:
    """Leave none of them behind."""
    with ExitStack() as stack:
        for process in processes:
            stack.callback(process.kill)
        yield


@contextmanager
def running(*processes: Process) -> Iterator[None]:
    """Run them, all of them up, for the length of the block."""
    with killed_in_the_end(*processes):
        for process in processes:
            process.start()
        for process in processes:
            process.wait_until_up()
        yield
