"""The parts of an installation, as the model has them: what each costs, and where it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random

import simpy

from evaluation.capacity.fit import Costs
from evaluation.capacity.installation import Installation
from evaluation.capacity.queues import Host, Process, Steps

# In such pieces parts do what they do while nothing happens.
_IDLE_SECONDS, _IDLE_WORKER_SECONDS = 0.25, 5.0
_ALONE_SECONDS = 0.1  # a turn on a host that one part has for itself
ELSEWHERE = ("redis", "nginx", "cct", "slack")
"""Parts that are not ours, on a host of their own."""
_OF_A_RUN = ("controller", "prefect-api", "prefect-services", "worker", "postgres", *ELSEWHERE)


@dataclass(frozen=True)
class Figures:
    """What was measured of the parts: costs, the calm stages of a run, a commit's wait."""

    cpu: Costs
    stages: Mapping[str, float]
    commit_seconds: float
    requests: Mapping[str, float]
    opening_seconds: float = 0.0
    """How much longer the database takes for a delivery that opens anything."""

    def of(self, part: str, thing: str) -> float:
        """Return the processor time that one of these things takes of a part."""
        return self.cpu.get(part, {}).get(thing, 0.0)

    @cached_property
    def shares(self) -> dict[str, float]:
        """The shares of the parts in the processor time of a run that only looks."""
        costs = {part: self.of(part, "look") for part in _OF_A_RUN}
        whole = sum(costs.values()) or 1.0
        return {part: cost / whole for part, cost in costs.items()}


class Parts:
    """All processes of an installation and their hosts; on one machine all share one."""

    def __init__(
        self, env: simpy.Environment, made: Installation, figures: Figures, random: Random
    ):
        self.env, self.figures, self.random, self._made = env, figures, random, made
        one = Host(env, made.shared_cores) if made.shared_cores is not None else None

        def alone(cores: float) -> Host:
            return Host(env, cores, _ALONE_SECONDS)

        def parts(count: int) -> list[Process]:
            return [Process(one or alone(1.0)) for _ in range(count)]

        self.gateways = parts(made.gateways)
        self.controllers = parts(made.controllers)
        self.apis = parts(made.apis)
        self.services = parts(made.services)
        self.workers = [one or alone(made.worker_cores) for _ in range(made.workers)]
        self.database = one or alone(made.database_cores)
        self.front = one or alone(made.database_cores)
        self.standby = (one or alone(made.database_cores)) if made.standby else None
        at_once = made.limits.starts_at_once
        self.starts = [simpy.Resource(env, at_once) for _ in range(made.workers)]

    def begin_idling(self) -> None:
        """Let each part do what it does while nothing happens."""
        figures, made = self.figures, self._made
        idle: list[tuple[Callable[[float], Steps], float]] = []
        for part, processes in (
            ("gateway", self.gateways),
            ("controller", self.controllers),
            ("prefect-api", self.apis),
            ("prefect-services", self.services),
        ):
            # measured were two of each
            seconds = figures.of(part, "second") / 2
            more = figures.of(part, "worker second") * made.workers / len(processes)
            idle += [(process.work, seconds + more) for process in processes]
        database = (
            figures.of("postgres", "second")
            * (len(self.gateways) + len(self.controllers) + len(self.apis) + len(self.services))
            / 8
        )
        database += figures.of("postgres", "worker second") * made.workers
        idle.append((self.database.work, database))
        others = sum(figures.of(part, "second") for part in ELSEWHERE)
        if made.shared_cores is not None:
            idle.append((self.front.work, others))
        for work, share in idle:
            self.idles(work, share)
        for host in self.workers:
            own = figures.of("worker", "worker second")
            self.env.process(self._idle(host.work, own, _IDLE_WORKER_SECONDS))

    def idles(self, work: Callable[[float], Steps], share: float) -> None:
        """Let something take this share of a core while nothing happens."""
        self.env.process(self._idle(work, share, _IDLE_SECONDS))

    def _idle(self, work: Callable[[float], Steps], share: float, every: float) -> Steps:
        yield self.env.timeout(self.random.uniform(0, every))
        while share > 0:
            began = self.env.now
            yield from work(share * every)
            yield self.env.timeout(max(0.0, every - (self.env.now - began)))

    def work(self, part: str, seconds: float, *, place: int) -> Steps:
        """Take so much of one of the processes of a part; of the worker, of this one."""
        if part == "worker":
            yield from self.workers[place].work(seconds)
        elif part == "postgres":
            yield from self.database.work(seconds)
        elif part in ELSEWHERE:
            yield from self.front.work(seconds)
        else:
            processes = {
                "controller": self.controllers,
                "prefect-api": self.apis,
                "prefect-services": self.services,
            }[part]
            yield from self.random.choice(processes).work(seconds)
