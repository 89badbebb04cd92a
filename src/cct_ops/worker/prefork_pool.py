"""
The worker's prefork pool: processes forked from the fork server, a few of them always waiting.

The server is replaced when it dies and when the code on disk is no longer the code that it loaded.
Processes that are busy are left alone in both cases.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from prefect.settings import get_current_settings

from cct_ops.worker.forks import Child, ForkServer, NotWarm, signature

START_SECONDS = 60.0  # importing everything takes some 4 s, several times that on a cold disk
_REFILL_SECONDS = 0.7  # later, so that a process which starts has the machine to itself
_RESTART_SECONDS = (0.1, 0.5, 2.0, 10.0)
_log = logging.getLogger("prefect.worker.warm")


class PreforkPool:
    """Keeps ``idle`` warm processes ready."""

    def __init__(self, project: Path, env: Mapping[str, str], *, idle: int) -> None:
        self._project = project
        self._env = env
        self._idle = idle
        self._waiting: list[Child] = []
        self._server: ForkServer | None = None
        self._deaths = 0  # one after the other, without ever getting ready
        self._restart: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many processes wait for a run."""
        return len(self._waiting)

    def start(self) -> None:
        """Start the server; returns at once."""
        self._server = ForkServer(self._project, self._env, self._replace)

    async def stop(self) -> None:
        """End the server and what waits; busy processes are their owners' affair."""
        if self._restart is not None:
            self._restart.cancel()
        self._let_go()
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    async def ready(self) -> ForkServer:
        """Return a server that has loaded the code on disk; raises ``NotWarm``."""
        try:
            async with asyncio.timeout(START_SECONDS):
                server = await self._current()
                await server.ready.wait()
        except TimeoutError:
            raise NotWarm(f"The fork server was not ready within {START_SECONDS:.0f} s.") from None
        self._fill()
        return server

    async def take(self) -> Child:
        """Return a warm process that nobody else gets; raises ``NotWarm``."""
        server = await self.ready()
        while self._waiting:
            child = self._waiting.pop(0)
            if not child.gone.is_set():
                break
        else:
            child = server.fork()
        asyncio.get_running_loop().call_later(_REFILL_SECONDS, self._fill)
        try:
            async with asyncio.timeout(START_SECONDS):
                await child.forked.wait()
        except TimeoutError:
            raise NotWarm("The fork server does not fork.") from None
        if child.pid is None:
            raise NotWarm("The fork server died.")
        return child

    async def _current(self) -> ForkServer:
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

    def _replace(self, server: ForkServer) -> None:
        """Start another server after one died."""
        if server is self._server:
            self._let_go()
            self._restart = asyncio.create_task(self._start_again(server))

    async def _start_again(self, server: ForkServer) -> None:
        """Start a server in place of a dead one, ever more slowly while they die unready."""
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
                self._waiting.append(server.fork())

    def _let_go(self) -> None:
        for child in self._waiting:
            child.let_go()
        self._waiting.clear()


def environment() -> dict[str, str]:
    """Return the environment that runs start from; theirs differs only where their job does."""
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    return {**os.environ, **settings}
