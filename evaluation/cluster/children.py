"""Faults of the process of one run, whichever is under way: a child of a worker's fork server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from uuid import UUID

import psutil

from cct_ops.worker.run_lock_files import RunLockFile
from evaluation.cluster.cluster import Cluster
from evaluation.cluster.fault import Fault, those_of
from evaluation.cluster.member import Member, send, stutter
from evaluation.cluster.processes import PAUSED_SECONDS, SHORTLY_SECONDS

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Run:
    """A run that is under way, its process, and the worker that began it."""

    flow_run_id: UUID
    process: psutil.Process
    worker: Member


@dataclass
class Victim:
    """The run that a fault hurts: any that is under way once it begins."""

    made: Cluster
    random: Random
    run: Run | None = None

    def begin(self, hurt: Callable[[Run], object]) -> None:
        """Wait for a run that is under way, and hurt it."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            if found := list(under_way(self.made)):
                self.run = self.random.choice(found)
                hurt(self.run)
                return
            time.sleep(0.05)

    def end(self, heal: Callable[[Run], object]) -> None:
        """End the hurt, where there was a run."""
        if self.run is not None:
            heal(self.run)


def faults_of_children(made: Cluster, random: Random) -> Iterator[Fault]:
    """Yield what can be done to a run's process; it is not started again by itself."""
    if not those_of(made, "worker"):
        return
    victim = partial(Victim, made, random)
    one, fast = victim(), threading.Event()
    kill = partial(one.begin, partial(_to_it, psutil.Process.kill))
    yield Fault("child", "kill -9", "kill -9 child", kill, _nothing, 1.0)
    one = victim()
    pause = partial(one.begin, partial(_to_it, psutil.Process.suspend))
    resume = partial(one.end, partial(_to_it, psutil.Process.resume))
    yield Fault("child", "pause 30 s", "pause 30 s child", pause, resume, PAUSED_SECONDS)
    seconds = random.uniform(*SHORTLY_SECONDS)
    slow = partial(victim().begin, lambda run: stutter(partial(send, [run.process]), fast))
    yield Fault("child", "ten times slower", "ten times slower child", slow, fast.set, seconds)
    if "cut of a run" not in made.net.untested:
        one, seconds = victim(), random.uniform(*SHORTLY_SECONDS)
        cut = partial(one.begin, lambda run: made.net.isolate_process(_host(run), run.process))
        healed = partial(one.end, lambda run: made.net.heal(_host(run)))
        yield Fault("child", "cut off", "cut off child", cut, healed, seconds)


def under_way(made: Cluster) -> Iterator[Run]:
    """Yield the runs whose processes live: each holds the file that is the sign of its life."""
    for worker in those_of(made, "worker"):
        whole = worker.processes()
        for process in whole[1:]:
            with suppress(psutil.Error):
                if process.ppid() == whole[0].pid:
                    continue  # the fork server, which holds the file too for a moment
                for file in process.open_files():
                    with suppress(ValueError):
                        path = RunLockFile(Path(file.path))
                        yield Run(path.flow_run_id, process, worker)


def _to_it(do: Callable[[psutil.Process], object], run: Run) -> None:
    with suppress(psutil.NoSuchProcess):
        do(run.process)


def _host(run: Run) -> str:
    return run.worker.host.name


def _nothing() -> None:
    """Do nothing: what was killed is not started again."""
