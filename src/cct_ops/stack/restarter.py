"""The life of one part: start it, know when it is ready, start it again when it dies, stop it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from cct_ops.stack.part import Answers, Ends, Event, Part, Plan, Prints
from cct_ops.stack.process import Process

_ANSWER_SECONDS = 2.0
_LOOK_SECONDS = 0.05
_IDLE_LOOK_SECONDS = 0.2
_TAIL_LINES = 15

Report = Callable[[Event], None]


class StartFailed(Exception):
    """A part did not become ready; the message has its last lines."""


class Restarter:
    """Keeps one part alive."""

    def __init__(self, part: Part, plan: Plan, report: Report) -> None:
        self.part = part
        self.ready = asyncio.Event()
        self.stopped = asyncio.Event()
        self._log = plan.logs / f"{part.name}.log"
        self._keep_open = () if plan.lock_fd is None else (plan.lock_fd,)
        self._restarts = plan.restarts
        self._report = report
        self._process: Process | None = None

    async def live(self, before: list[Restarter]) -> None:
        """Start after the parts before it, then keep it running for ever; raises StartFailed."""
        for restarter in before:
            await restarter.ready.wait()
        process = self._start()
        if problem := await self._problem_with_start(process):
            raise StartFailed(f"{self.part.name} {problem}{self._last_lines(process)}")
        self.ready.set()
        if not isinstance(self.part.ready, Ends):
            await self._keep_running(process)

    async def stop(self, after: list[Restarter]) -> None:
        """Stop it once the parts that need it have stopped."""
        for restarter in after:
            await restarter.stopped.wait()
        if self._process is not None and self._process.exit_code() is None:
            began = time.monotonic()
            self._report(Event(kind="stopping", part=self.part.name))
            self._process.stop()
            await _end_of(self._process, _LOOK_SECONDS)
            seconds = time.monotonic() - began
            self._report(Event(kind="stopped", part=self.part.name, seconds=seconds))
        self.stopped.set()

    def kill(self) -> None:
        """Stop it at once."""
        if self._process is not None:
            self._process.kill()

    def _start(self) -> Process:
        process = Process(self.part.program, self._log, keep_open=self._keep_open)
        self._process = process
        self._report(Event(kind="starting", part=self.part.name, pid=process.pid))
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
        self._report(Event(kind="ready", part=self.part.name, pid=process.pid, seconds=seconds))
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
            self._report(Event(kind="died", part=self.part.name, message=message))
            await asyncio.sleep(self._restarts.first_delay_seconds * 2 ** (len(deaths) - 1))
            process = self._start()
            problem = await self._problem_with_start(process)
        message = (
            f"{problem} It was restarted {self._restarts.limit} times and is left down; the rest "
            f"keeps running.{self._last_lines(process)}"
        )
        self._report(Event(kind="degraded", part=self.part.name, message=message))

    def _last_lines(self, process: Process) -> str:
        lines = process.output().strip().splitlines()[-_TAIL_LINES:]
        shown = "".join(f"\n    {line}" for line in lines) or "\n    (it wrote nothing)"
        return f"\n  Its last lines, from {self._log}:{shown}"


async def _end_of(process: Process, look_seconds: float) -> int:
    while (code := process.exit_code()) is None:  # noqa: ASYNC110 - no event reports it
        await asyncio.sleep(look_seconds)
    return code


async def is_ready(ready: Answers | Prints | Ends, process: Process) -> bool:
    """Return True if the part is ready now; does not wait."""
    match ready:
        case Answers(url=url):
            return await _answers(url)
        case Prints(text=text):
            return text in process.output()
        case Ends():
            return process.exit_code() == 0


async def _answers(url: str) -> bool:
    # by hand, because an HTTP client takes longer to import than most parts take to start
    place = urlsplit(url)
    request = f"GET {place.path or '/'} HTTP/1.0\r\nHost: {place.netloc}\r\n\r\n"
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(place.hostname, place.port or 80)
            try:
                writer.write(request.encode())
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
