"""The life of one part: start it, know when it is ready, start it again when it dies, stop it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from cct_ops.stack.part import Ends, Event, Part, Plan
from cct_ops.stack.process import Process
from cct_ops.stack.readiness import is_ready

_LOOK_SECONDS = 0.05
_IDLE_LOOK_SECONDS = 0.2
_TAIL_LINES = 15

Tell = Callable[[Event], None]


class StartFailed(Exception):
    """A part did not become ready; the message has its last words."""


class Keeper:
    """Keeps one part alive."""

    def __init__(self, part: Part, plan: Plan, tell: Tell) -> None:
        self.part = part
        self.ready = asyncio.Event()
        self.stopped = asyncio.Event()
        self._log = plan.logs / f"{part.name}.log"
        self._keep_open = () if plan.lock_fd is None else (plan.lock_fd,)
        self._restarts = plan.restarts
        self._tell = tell
        self._process: Process | None = None

    async def live(self, before: list[Keeper]) -> None:
        """Start after the parts before it, then keep it running for ever; raises StartFailed."""
        for keeper in before:
            await keeper.ready.wait()
        process = self._start()
        if problem := await self._problem_with_start(process):
            raise StartFailed(f"{self.part.name} {problem}{self._last_words(process)}")
        self.ready.set()
        if not isinstance(self.part.ready, Ends):
            await self._keep_running(process)

    async def stop(self, after: list[Keeper]) -> None:
        """Stop it once the parts that need it have stopped."""
        for keeper in after:
            await keeper.stopped.wait()
        if self._process is not None and self._process.exit_code() is None:
            began = time.monotonic()
            self._tell(Event(kind="stopping", part=self.part.name))
            self._process.stop()
            await _end_of(self._process, _LOOK_SECONDS)
            seconds = time.monotonic() - began
            self._tell(Event(kind="stopped", part=self.part.name, seconds=seconds))
        self.stopped.set()

    def kill(self) -> None:
        """Spare it no more time."""
        if self._process is not None:
            self._process.kill()

    def _start(self) -> Process:
        process = Process(self.part.program, self._log, keep_open=self._keep_open)
        self._process = process
        self._tell(Event(kind="starting", part=self.part.name, pid=process.pid))
        return process

    async def _problem_with_start(self, process: Process) -> str | None:
        began = time.monotonic()
        while not await is_ready(self.part.ready, process):
            code = process.exit_code()
            if code == 0 and await is_ready(self.part.ready, process):
                break
            if code is not None:
                return f"could not start: it ended with exit code {code}."
            if time.monotonic() - began > self.part.start_seconds:
                return f"could not start: not ready after {self.part.start_seconds:.0f} s."
            await asyncio.sleep(_LOOK_SECONDS)
        if process.exit_code() is not None and not isinstance(self.part.ready, Ends):
            # what answered was somebody else on the same port
            return f"could not start: it ended with exit code {process.exit_code()}."
        seconds = time.monotonic() - began
        self._tell(Event(kind="ready", part=self.part.name, pid=process.pid, seconds=seconds))
        return None

    async def _keep_running(self, process: Process) -> None:
        deaths: list[float] = []
        problem: str | None = None
        while True:
            if problem is None:
                code = await _end_of(process, _IDLE_LOOK_SECONDS)
                problem = f"died with exit code {code}."
            else:
                process.kill()
                await _end_of(process, _LOOK_SECONDS)
            now = time.monotonic()
            deaths = [then for then in deaths if now - then < self._restarts.window_seconds]
            if len(deaths) >= self._restarts.limit:
                break
            deaths.append(now)
            message = f"{problem} Restart {len(deaths)} of {self._restarts.limit}."
            self._tell(Event(kind="died", part=self.part.name, message=message))
            await asyncio.sleep(self._restarts.first_delay_seconds * 2 ** (len(deaths) - 1))
            process = self._start()
            problem = await self._problem_with_start(process)
        message = (
            f"{problem} It was restarted {self._restarts.limit} times and is left down; the rest "
            f"keeps running.{self._last_words(process)}"
        )
        self._tell(Event(kind="degraded", part=self.part.name, message=message))

    def _last_words(self, process: Process) -> str:
        lines = process.output().strip().splitlines()[-_TAIL_LINES:]
        said = "".join(f"\n    {line}" for line in lines) or "\n    (it wrote nothing)"
        return f"\n  Its last lines, from {self._log}:{said}"


async def _end_of(process: Process, look_seconds: float) -> int:
    while (code := process.exit_code()) is None:  # noqa: ASYNC110 - nothing in here is told
        await asyncio.sleep(look_seconds)
    return code
