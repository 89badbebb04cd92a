"""
``python -m cct_ops.stack.supervisor``: run the plan that comes on stdin until stdin ends.

It owns every part: starts it, knows when it is ready, starts it again when it dies, stops it. It
stops all of them when the front lets go of stdin or dies, on SIGTERM or SIGINT, and when a part
cannot start; a second signal stops them at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psutil

from cct_ops.stack.part import Answers, Ends, Event, Part, Plan, Prints
from cct_ops.stack.process import Process
from cct_ops.stack.process_guard import adopt_orphans

_ANSWER_SECONDS = 2.0
_LOOK_SECONDS = 0.05
_IDLE_LOOK_SECONDS = 0.2
_TAIL_LINES = 15

Report = Callable[[Event], None]

CANNOT_START = 2  # not 1, which is what Python ends with when we are at fault


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
    """Wait for the end; where the kernel does not report it, by looking again and again."""
    with _ending(process.pid) as ended:
        while (code := process.exit_code()) is None:
            await (asyncio.sleep(look_seconds) if ended is None else ended.wait())
    return code


@contextlib.contextmanager
def _ending(pid: int) -> Iterator[asyncio.Event | None]:
    """Yield what is set when our child ends; None where the kernel reports no such thing."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield None
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        yield ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


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


class _StopAsked(Exception):
    """Somebody wants the stack to stop."""


class Supervisor:
    """Starts the parts in their order, keeps them, and stops them in the opposite order."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stop_asked = asyncio.Event()
        self._status: dict[str, dict[str, object]] = {}
        self._restarters = {part.name: Restarter(part, plan, self.report) for part in plan.parts}

    async def run(self) -> int:
        """Run until asked to stop (0) or a part cannot start (CANNOT_START)."""
        code = 0
        began = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                for restarter in self._restarters.values():
                    before = [self._restarters[name] for name in restarter.part.after]
                    group.create_task(restarter.live(before))
                group.create_task(self._report_when_up(began))
                await self._stop_asked.wait()
                raise _StopAsked
        except* _StopAsked:
            pass
        except* StartFailed as failed:
            code = CANNOT_START
            for error in failed.exceptions:
                self.report(Event(kind="failed", message=str(error)))
        await self._stop_all()
        return code

    def ask_to_stop(self) -> None:
        """Stop in order; asked again, at once."""
        if self._stop_asked.is_set():
            for restarter in self._restarters.values():
                restarter.kill()
        self._stop_asked.set()

    def report(self, event: Event) -> None:
        """Report to the front, and keep the status file for everybody else."""
        if event.part:
            known = self._status.setdefault(event.part, {"deaths": 0})
            deaths = int(str(known["deaths"])) + (event.kind in {"died", "degraded"})
            known |= {"state": event.kind, "deaths": deaths, "message": event.message}
            known |= {"guard": event.pid} if event.pid else {}
        whole = {"supervisor": os.getpid(), "written": time.time(), "parts": self._status}
        draft = self._plan.status.with_suffix(".new")
        draft.write_text(json.dumps(whole, indent=2) + "\n")
        draft.replace(self._plan.status)
        try:
            os.write(1, event.model_dump_json().encode() + b"\n")
        except BrokenPipeError:
            self._stop_asked.set()  # nobody listens: the front is gone

    async def _report_when_up(self, began: float) -> None:
        for restarter in self._restarters.values():
            await restarter.ready.wait()
        self.report(Event(kind="up", seconds=time.monotonic() - began))

    async def _stop_all(self) -> None:
        self._stop_asked.set()
        stops = []
        for name, restarter in self._restarters.items():
            after = [other for other in self._restarters.values() if name in other.part.after]
            stops.append(restarter.stop(after))
        await asyncio.gather(*stops)


async def _supervise(plan: Plan) -> int:
    supervisor = Supervisor(plan)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(signum, supervisor.ask_to_stop)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def owner_let_go() -> None:
        loop.remove_reader(0)  # a line or the end, both mean stop
        supervisor.ask_to_stop()

    loop.add_reader(0, owner_let_go)
    return await supervisor.run()


def _end_stragglers() -> None:
    """Kill what a killed guard could not: as a subreaper we inherited it."""
    me = psutil.Process()
    while left := [p for p in me.children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]:
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=0.1)


def main() -> int:
    """Read the plan, carry it out, and leave no process behind."""
    adopt_orphans()
    with open(0, "rb", buffering=0, closefd=False) as stdin:
        line = stdin.readline()
    if not line.endswith(b"\n"):
        return 1  # the front died before it could send the plan
    code = asyncio.run(_supervise(Plan.model_validate_json(line)))
    _end_stragglers()
    return code


if __name__ == "__main__":
    sys.exit(main())
