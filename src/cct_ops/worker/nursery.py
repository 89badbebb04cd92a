"""
The worker's side of the fork server: warm processes, a few of them always waiting.

The server is replaced when it dies and when the code on disk is no longer the code that it loaded.
Processes that are busy are left alone in both cases.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from cct_ops.worker import order
from cct_ops.worker.checkout import signature
from cct_ops.worker.order import Order

START_SECONDS = 60.0  # importing everything takes some 4 s, several times that on a cold disk
_REFILL_SECONDS = 0.7  # later, so that a process which starts has the machine to itself
_REPORT_SECONDS = 2.0
_RESTART_SECONDS = (0.1, 0.5, 2.0, 10.0)
# More threads in the server would make its forks unsafe, and the flows are not compute-bound.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

_log = logging.getLogger("prefect.worker.warm")


class NotWarm(Exception):
    """No warm process can be had now."""


class Child:
    """One forked process, seen from the worker; ``returncode`` stays None if nobody can tell."""

    def __init__(self, line: socket.socket) -> None:
        self.pid: int | None = None
        self.returncode: int | None = None
        self.forked = asyncio.Event()
        self.reported = asyncio.Event()
        self.gone = asyncio.Event()
        self._line = line
        line.setblocking(False)
        asyncio.get_running_loop().add_reader(line, self._hear)

    def tell(self, what: Order, lock_fd: int | None = None) -> None:
        """Give it its order; raises ``NotWarm`` when it died before it could take it."""
        try:
            order.send(self._line, what, lock_fd)
        except OSError as error:
            raise NotWarm("The warm process died while it waited.") from error

    async def wait(self) -> int | None:
        """Wait for its end; the line ends with it, whoever is left to report the exit code."""
        await self.gone.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REPORT_SECONDS):
                await self.reported.wait()
        return self.returncode

    def let_go(self) -> None:
        """Close the line; one that still waits for an order ends."""
        if not self.gone.is_set():
            asyncio.get_running_loop().remove_reader(self._line)
            self._line.close()
            self.gone.set()

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            if self._line.recv(1):
                return  # it has nothing to say; only the end counts
        self.let_go()


class Nursery:
    """Keeps ``idle`` warm processes ready."""

    def __init__(self, project: Path, env: Mapping[str, str], *, idle: int) -> None:
        self._project = project
        self._env = {**env, **_ONE_THREAD}
        self._idle = idle
        self._waiting: list[Child] = []
        self._server: _Server | None = None
        self._deaths = 0  # one after the other, without ever getting ready
        self._restart: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the server; returns at once."""
        self._server = _Server(self._project, self._env, self._replace)

    async def stop(self) -> None:
        """End the server and what waits; busy processes are their owners' affair."""
        if self._restart is not None:
            self._restart.cancel()
        self._let_go()
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    async def ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until the code on disk is loaded; raises ``NotWarm``."""
        try:
            async with asyncio.timeout(seconds):
                server = await self._current()
                await server.ready.wait()
        except TimeoutError:
            raise NotWarm(f"The fork server was not ready within {seconds:.0f} s.") from None
        self._fill()

    async def take(self, seconds: float = START_SECONDS) -> Child:
        """Return a warm process that nobody else gets; raises ``NotWarm``."""
        await self.ready(seconds)
        while self._waiting:
            child = self._waiting.pop(0)
            if not child.gone.is_set():
                break
        else:
            child = self._fork()
        asyncio.get_running_loop().call_later(_REFILL_SECONDS, self._fill)
        try:
            async with asyncio.timeout(seconds):
                await child.forked.wait()
        except TimeoutError:
            raise NotWarm("The fork server does not fork.") from None
        if child.pid is None:
            raise NotWarm("The fork server died.")
        return child

    def give_back(self, child: Child) -> None:
        """Return a process that was not needed after all."""
        self._waiting.append(child)

    @property
    def server_pid(self) -> int | None:
        """The server's process id."""
        return None if self._server is None else self._server.pid

    async def _current(self) -> _Server:
        """Return a server that has loaded the code as it is on disk now."""
        while self._server is None or self._server.gone.is_set():  # noqa: ASYNC110 -- rare
            await asyncio.sleep(0.05)  # another one is about to be started
        if self._server.signature != signature(self._project):
            _log.info("The code has changed: it is loaded anew.")
            old, self._server = self._server, None
            self._let_go()
            self.start()
            old.retire()
            return await self._current()
        return self._server

    def _replace(self, server: _Server) -> None:
        """Start another server after one died."""
        if server is self._server:
            self._let_go()
            self._restart = asyncio.create_task(self._start_again(server))

    async def _start_again(self, server: _Server) -> None:
        """Do so ever more slowly while they die before they are ready."""
        self._deaths = 0 if server.ready.is_set() else self._deaths + 1
        _log.warning("The fork server died (exit code %s).", await server.exit_code())
        await asyncio.sleep(_RESTART_SECONDS[min(self._deaths, len(_RESTART_SECONDS) - 1)])
        self.start()

    def _fill(self) -> None:
        server = self._server
        if server is None or server.gone.is_set() or not server.ready.is_set():
            return
        self._waiting = [child for child in self._waiting if not child.gone.is_set()]
        for _ in range(self._idle - len(self._waiting)):
            with contextlib.suppress(NotWarm):
                self._waiting.append(self._fork())

    def _fork(self) -> Child:
        if self._server is None:
            raise NotWarm("There is no fork server.")
        return self._server.fork()

    def _let_go(self) -> None:
        for child in self._waiting:
            child.let_go()
        self._waiting.clear()


class _Server:
    """One fork server process."""

    def __init__(
        self, project: Path, env: Mapping[str, str], on_gone: Callable[[_Server], None]
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
                env=dict(env),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._hear)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

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
        """Nothing will be heard from it any more."""
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
            os.kill(self._process.pid, signal.SIGKILL)
            return await asyncio.to_thread(self._process.wait)
