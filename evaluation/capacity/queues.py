"""The queues that the model is made of: cores, threads, batches, lanes and CCT's limit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, None]
QUANTUM_SECONDS = 0.004  # between two ticks of a usual kernel (CONFIG_HZ=250)
_NOTHING = 1e-9


class Host:
    """A machine: its cores are shared in turns of ``QUANTUM_SECONDS``."""

    def __init__(self, env: simpy.Environment, cores: float, quantum: float = QUANTUM_SECONDS):
        self.env = env
        self.cores = cores
        self.used = 0.0
        self.quantum = quantum
        # So many cores as there are whole ones, each as fast as makes them ``cores`` together.
        whole = max(1, round(cores))
        self._slower = whole / cores
        self.free = simpy.Resource(env, whole)

    def work(self, seconds: float) -> Steps:
        """Take so much processor time, as a process that was started for it."""
        left = seconds
        while left > _NOTHING:
            with self.free.request() as turn:
                yield turn
                now = min(left, self.quantum)
                yield from self.run(now)
            left -= now

    def run(self, seconds: float) -> Steps:
        """Use a core that was got."""
        yield self.env.timeout(seconds * self._slower)
        self.used += seconds

    def utilisation(self) -> float:
        """Return the share of its cores that was used so far."""
        return self.used / (self.cores * self.env.now) if self.env.now else 0.0


class Process:
    """
    A process of Python: whatever it does, one core at a time, in order.

    It keeps its core for a turn while it has anything to do, as an event loop does with all that
    came meanwhile.
    """

    def __init__(self, host: Host):
        self.host = host
        self.used = 0.0
        self._jobs: deque[tuple[float, simpy.Event]] = deque()
        self._runs = False

    def work(self, seconds: float) -> Steps:
        """Take so much of its processor time."""
        if seconds <= _NOTHING:
            return
        done = self.host.env.event()
        self._jobs.append((seconds, done))
        if not self._runs:
            self._runs = True
            self.host.env.process(self._run())
        yield done

    def _run(self) -> Steps:
        while self._jobs:
            with self.host.free.request() as turn:
                yield turn
                left = self.host.quantum
                while self._jobs and left > _NOTHING:
                    seconds, done = self._jobs.popleft()
                    now = min(seconds, left)
                    yield from self.host.run(now)
                    left -= now
                    self.used += now
                    if seconds - now > _NOTHING:
                        self._jobs.appendleft((seconds - now, done))
                    else:
                        done.succeed()
        self._runs = False


@dataclass(eq=False)
class Batches:
    """A writer that takes whatever waits, up to ``most`` at once; a full line refuses."""

    env: simpy.Environment
    write: Callable[[list[Any]], Steps]
    most: int
    line: int
    sizes: list[int] = field(default_factory=list)
    _waiting: deque[tuple[Any, simpy.Event]] = field(default_factory=deque)
    _news: simpy.Event | None = None

    def __post_init__(self) -> None:
        """Begin to write."""
        self.env.process(self._work())

    def put(self, item: Any) -> simpy.Event | None:
        """Return what happens once the item is written; None where the line is full."""
        if len(self._waiting) >= self.line:
            return None
        done = self.env.event()
        self._waiting.append((item, done))
        if self._news is not None and not self._news.triggered:
            self._news.succeed()
        return done

    def _work(self) -> Steps:
        while True:
            if not self._waiting:
                self._news = self.env.event()
                yield self._news
            count = min(self.most, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
            self.sizes.append(count)
            yield from self.write([item for item, _ in batch])
            for _, done in batch:
                done.succeed()


@dataclass(eq=False)
class Lane:
    """Rows that so many threads work on, the oldest first."""

    env: simpy.Environment
    threads: int
    handle: Callable[[Any], Steps]
    ages: list[tuple[float, float]] = field(default_factory=list)
    """When a row was begun, and how long it had waited."""
    done: int = 0

    def __post_init__(self) -> None:
        """Begin to work."""
        self._rows = simpy.Store(self.env)
        for _ in range(self.threads):
            self.env.process(self._work())

    def put(self, row: Any) -> None:
        """Let a row wait."""
        self._rows.put((self.env.now, row))

    @property
    def waiting(self) -> int:
        """How many rows wait."""
        return len(self._rows.items)

    def _work(self) -> Steps:
        while True:
            since, row = yield self._rows.get()
            self.ages.append((self.env.now, self.env.now - since))
            yield from self.handle(row)
            self.done += 1


@dataclass(eq=False)
class Budget:
    """
    CCT's limit: so many requests in each window, of which reads leave some to changes.

    Whoever waits to read the same thing is served by one request.
    """

    env: simpy.Environment
    limit: int
    kept: int
    window: float
    seconds: float = 0.05
    """How long CCT takes for an answer."""
    sent: int = 0
    _ends: deque[float] = field(default_factory=deque)
    _reads: dict[str, simpy.Event] = field(default_factory=dict)

    def read(self, key: str) -> Steps:
        """Wait for an answer to a read that began after now."""
        if key not in self._reads:
            self._reads[key] = self.env.event()
            self.env.process(self._fetch(key))
        yield self._reads[key]

    def write(self) -> Steps:
        """Wait until a change may leave, and for its answer."""
        yield from self._slot(self.limit)
        yield self.env.timeout(self.seconds)

    def _fetch(self, key: str) -> Steps:
        yield from self._slot(self.limit - self.kept)
        done = self._reads.pop(key)  # who comes from now on wants a later answer
        yield self.env.timeout(self.seconds)
        done.succeed()

    def _slot(self, limit: int) -> Steps:
        while True:
            while self._ends and self._ends[0] <= self.env.now:
                self._ends.popleft()
            if len(self._ends) < limit:
                self._ends.append(self.env.now + self.window)
                self.sent += 1
                return
            until = self._ends[len(self._ends) - limit]
            yield self.env.timeout(max(until - self.env.now, 1e-6))
