"""A fork server and its processes, seen from the worker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import cct_ops
from cct_ops.worker import protocol
from cct_ops.worker.protocol import Command

_REPORT_SECONDS = 2.0
_FOLDERS = ("flows", "tasks", "deployments")
# More threads in the server would make its forks unsafe, and the flows are not compute-bound.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

_log = logging.getLogger("prefect.worker.warm")


class NotWarm(Exception):
    """No warm process can be had now."""


class Child:
    """One forked process, seen from the worker; ``returncode`` stays None if it is not known."""

    def __init__(self, line: socket.socket) -> None:
        self.pid: int | None = None
        self.returncode: int | None = None
        self.forked = asyncio.Event()
        self.begun = asyncio.Event()  # its run is Running, or will never be
        self.reported = asyncio.Event()
        self.gone = asyncio.Event()
        self._line = line
        line.setblocking(False)
        asyncio.get_running_loop().add_reader(line, self._hear)

    def send(self, what: Command, lock_fd: int | None = None) -> None:
        """Give it its command; raises ``NotWarm`` when it died before it could take it."""
        try:
            protocol.send(self._line, what, lock_fd)
        except OSError as error:
            raise NotWarm("The warm process died while it waited.") from error

    def send_line(self, word: str) -> None:
        """Send it one line more; who has ended needs none."""
        if not self.gone.is_set():
            with contextlib.suppress(OSError):
                self._line.sendall(word.encode() + b"\n")

    async def wait(self) -> int | None:
        """Wait for its end; the line ends with it, whoever is left to report the exit code."""
        await self.gone.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REPORT_SECONDS):
                await self.reported.wait()
        return self.returncode

    def let_go(self) -> None:
        """Close the line; one that still waits for a command ends."""
        if not self.gone.is_set():
            asyncio.get_running_loop().remove_reader(self._line)
            self._line.close()
            self.gone.set()
            self.begun.set()

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            if self._line.recv(16):
                self.begun.set()  # it sends nothing else; the end counts
                return
        self.let_go()


class ForkServer:
    """One fork server process."""

    def __init__(
        self, project: Path, env: Mapping[str, str], on_gone: Callable[[ForkServer], None]
    ) -> None:
        self._on_gone = on_gone
        self._reaper: asyncio.Task[int] | None = None
        self.signature = signature(project)  # before it loads: what changes meanwhile is noticed
        self.ready = asyncio.Event()
        self.gone = asyncio.Event()
        self._asked: list[Child] = []
        self._children: dict[int, Child] = {}
        self._retired = False
        self._heard = b""
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- the command line is made here
                [sys.executable, "-m", "cct_ops.worker.fork_server", str(theirs.fileno())],
                cwd=project,
                env={**env, **_ONE_THREAD},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._hear)

    def fork(self) -> Child:
        """Ask for a process; its id comes later. Raises ``NotWarm`` when the server is gone."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._socket, [b"f"], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise NotWarm("The fork server is gone.") from error
        child = Child(ours)
        self._asked.append(child)
        return child

    def retire(self) -> None:
        """Fork no more, and end once the last process has ended."""
        self._retired = True
        self._end_if_done()

    async def stop(self) -> None:
        """End it; its busy processes go on."""
        self._close()
        await self.exit_code()

    async def exit_code(self) -> int:
        """Return the exit code of one that is gone."""
        assert self._reaper is not None  # noqa: S101 -- it is gone
        return await asyncio.shield(self._reaper)

    def _hear(self) -> None:
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._close()
            return
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            self._take(json.loads(line))

    def _take(self, fact: dict[str, int]) -> None:
        if "ready" in fact:
            _log.info("Warm after %.1f s.", fact["seconds"])
            self.ready.set()
        elif "exit_code" not in fact:
            child = self._asked.pop(0)
            child.pid = fact["pid"]
            self._children[child.pid] = child
            child.forked.set()
        else:
            child = self._children.pop(fact["pid"])
            child.returncode = fact["exit_code"]
            child.reported.set()
            self._end_if_done()

    def _end_if_done(self) -> None:
        if self._retired and not self._asked and not self._children:
            self._close()

    def _close(self) -> None:
        """Close the connection to the server, and mark its processes: no report will come."""
        if self.gone.is_set():
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        for child in (*self._asked, *self._children.values()):
            child.forked.set()
            child.reported.set()
        self.gone.set()
        self._reaper = asyncio.create_task(self._end())
        self._on_gone(self)

    async def _end(self) -> int:
        """See it end, by force if it hangs in an import."""
        try:
            return await asyncio.to_thread(self._process.wait, _REPORT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return await asyncio.to_thread(self._process.wait)


def signature(project: Path) -> int:
    """Return a number that changes when any source file of the playbooks does."""
    package = Path(cct_ops.__file__).parent
    return hash(tuple(_files(package, *(project / name for name in _FOLDERS))))


def _files(*folders: Path) -> list[tuple[str, int, int]]:
    found = []
    for folder in folders:
        for root, directories, names in os.walk(folder):
            directories[:] = sorted(name for name in directories if name != "__pycache__")
            for name in sorted(names):
                if name.endswith(".py"):
                    facts = os.stat(os.path.join(root, name))  # noqa: PTH116, PTH118 -- in every start's way
                    found.append((f"{root}/{name}", facts.st_mtime_ns, facts.st_size))
    return found
