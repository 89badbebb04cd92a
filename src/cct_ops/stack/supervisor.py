"""
``python -m cct_ops.stack.supervisor``: run the plan that comes on stdin until stdin ends.

It owns every part. It stops all of them when the front lets go of stdin or dies, on SIGTERM or
SIGINT, and when a part cannot start; a second signal stops them at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time

import psutil

from cct_ops.stack.kernel import adopt_orphans
from cct_ops.stack.part import Event, Plan
from cct_ops.stack.restarter import Restarter, StartFailed

CANNOT_START = 2  # not 1, which is what Python ends with when we are at fault


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
