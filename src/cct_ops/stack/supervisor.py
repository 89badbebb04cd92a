"""
``python -m cct_ops.stack.supervisor``: run the plan that comes on stdin until stdin ends.

It owns every part. It stops all of them when the front lets go of stdin or dies, on SIGTERM or
SIGINT, and when a part cannot start; a second signal spares the parts no more time.
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
from cct_ops.stack.restarter import Keeper, StartFailed

CANNOT_START = 2  # not 1, which is what Python ends with when we are at fault


class _StopAsked(Exception):
    """Somebody wants the stack to stop."""


class Supervisor:
    """Starts the parts in their order, keeps them, and stops them in the opposite order."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stop_asked = asyncio.Event()
        self._status: dict[str, dict[str, object]] = {}
        self._keepers = {part.name: Keeper(part, plan, self.tell) for part in plan.parts}

    async def run(self) -> int:
        """Run until asked to stop (0) or a part cannot start (CANNOT_START)."""
        code = 0
        began = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                for keeper in self._keepers.values():
                    before = [self._keepers[name] for name in keeper.part.after]
                    group.create_task(keeper.live(before))
                group.create_task(self._say_when_up(began))
                await self._stop_asked.wait()
                raise _StopAsked
        except* _StopAsked:
            pass
        except* StartFailed as failed:
            code = CANNOT_START
            for error in failed.exceptions:
                self.tell(Event(kind="failed", message=str(error)))
        await self._stop_all()
        return code

    def ask_to_stop(self) -> None:
        """Stop in order; asked again, at once."""
        if self._stop_asked.is_set():
            for keeper in self._keepers.values():
                keeper.kill()
        self._stop_asked.set()

    def tell(self, event: Event) -> None:
        """Tell the front, and keep the status file for everybody else."""
        if event.part:
            known = self._status.setdefault(event.part, {"deaths": 0})
            deaths = int(str(known["deaths"])) + (event.kind in {"died", "degraded"})
            known |= {"state": event.kind, "deaths": deaths, "message": event.message}
            known |= {"leash": event.pid} if event.pid else {}
        whole = {"supervisor": os.getpid(), "written": time.time(), "parts": self._status}
        draft = self._plan.status.with_suffix(".new")
        draft.write_text(json.dumps(whole, indent=2) + "\n")
        draft.replace(self._plan.status)
        try:
            os.write(1, event.model_dump_json().encode() + b"\n")
        except BrokenPipeError:
            self._stop_asked.set()  # nobody listens: the front is gone

    async def _say_when_up(self, began: float) -> None:
        for keeper in self._keepers.values():
            await keeper.ready.wait()
        self.tell(Event(kind="up", seconds=time.monotonic() - began))

    async def _stop_all(self) -> None:
        self._stop_asked.set()
        stops = []
        for name, keeper in self._keepers.items():
            after = [other for other in self._keepers.values() if name in other.part.after]
            stops.append(keeper.stop(after))
        await asyncio.gather(*stops)


async def _supervise(plan: Plan) -> int:
    supervisor = Supervisor(plan)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(signum, supervisor.ask_to_stop)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def owner_let_go() -> None:
        loop.remove_reader(0)  # a word or the end, both mean stop
        supervisor.ask_to_stop()

    loop.add_reader(0, owner_let_go)
    return await supervisor.run()


def _end_stragglers() -> None:
    """Kill what a killed leash could not: as a subreaper we inherited it."""
    me = psutil.Process()
    while left := [p for p in me.children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]:
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=0.1)


def main() -> int:
    """Read the plan, carry it out, leave nothing."""
    adopt_orphans()
    with open(0, "rb", buffering=0, closefd=False) as stdin:
        line = stdin.readline()
    if not line.endswith(b"\n"):
        return 1  # the front died before it could say what to do
    code = asyncio.run(_supervise(Plan.model_validate_json(line)))
    _end_stragglers()
    return code


if __name__ == "__main__":
    sys.exit(main())
