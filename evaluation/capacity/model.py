"""The way of an alert through the queues: sender, gateway, controller, Prefect, worker, CCT."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

import simpy

from evaluation.capacity.found import Found
from evaluation.capacity.installation import Day, Installation
from evaluation.capacity.latency import STAGES
from evaluation.capacity.parts import Figures, Parts
from evaluation.capacity.queues import Batches, Budget, Lane, Process, Steps

# Until a sender comes again that was refused; it waits twice as long each time.
_REPEAT_SECONDS, _LONGEST_REPEAT_SECONDS = 5.0, 60.0
LOOK_KEYS = ("status", "metrics", "history", "breaches", "health", "configuration")
_WATCH_KEYS = ("status", "metrics")
# A transaction of the gateway says so much to the ledger, one after the other, and so much more
# where it opens anything (ledger/intake/deliveries.py, alert_effects.py).
_STATEMENTS, _OPENING_STATEMENTS = 8, 4
# What an incident and a run set off goes on at several parts at once, in small pieces with waits
# between them: assumed is thrice as long as the work alone would take one core.
_PIECE_SECONDS, LONGER = 0.005, 3.0
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 2.0, 30.0, 1.5  # of tasks/verify.py

Work = Callable[[float], Steps]


class Model:
    """One installation under a load; ``run`` lets time pass."""

    def __init__(
        self,
        installation: Installation,
        day: Day,
        figures: Figures,
        *,
        seed: int = 1,
        even: bool = False,
    ):
        """With ``even`` all deliveries come at the same distance, as those that are measured."""
        self.env = simpy.Environment()
        self.installation, self.day, self.figures = installation, day, figures
        self.limits = installation.limits
        self.random = Random(seed)  # noqa: S311 -- a load, no secret
        self.found = Found()
        self._even = even
        self.parts = Parts(self.env, installation, figures, self.random)
        self._sender, self._to_send = Process(self.parts.gateways[0].host), 0.0
        self.doors = [
            Batches(self.env, self._writing(gateway), self.limits.batch, self.limits.line)
            for gateway in self.parts.gateways
        ]
        self.remediate = Lane(
            self.env, self.limits.rows_at_once * installation.controllers, self._create
        )
        self.notices = Lane(self.env, installation.controllers, self._notify)
        limits = self.limits
        self.budget = Budget(
            self.env, limits.requests_per_minute, limits.kept_for_writes, limits.window_seconds
        )
        self._slots = simpy.Resource(self.env, limits.runs_at_once)
        self._targets = [simpy.Resource(self.env, 1) for _ in range(limits.targets)]
        self._opened: deque[float] = deque()
        self._burst_runs: int | None = None
        self._runs_now = 0

    # -- the load

    def run(self, phases: Sequence[tuple[float, float]], runs: float = 0.0) -> Found:
        """
        Let alerts come at each pace (alerts a second) for so many seconds.

        So many ``runs`` a second come besides, each with the one alert that starts it.
        """
        if self.env.now == 0:
            self.parts.begin_idling()
        for per_second, seconds in phases:
            until = self.env.now + seconds
            if per_second > 0:
                pace, count = per_second / self.day.per_delivery, self.day.per_delivery
                self.env.process(self._send(pace, until, partial(self._deliver, count)))
            if runs > 0:
                self.env.process(self._send(runs, until, partial(self._deliver, 1, runs=True)))
            self.env.run(until)
        return self.found

    def sent_from_here(self) -> Process:
        """Let what sends be a process of the same machine, with what it does besides."""
        figures, count = self.figures, self.day.per_delivery
        self._to_send = figures.of("sender", "delivery") + count * figures.of("sender", "alert")
        self.parts.idles(self._sender.work, figures.of("sender", "second"))
        return self._sender

    def send_as_fast(self, senders: int, seconds: float) -> Found:
        """Let so many senders each send again as soon as they are answered."""
        self.parts.begin_idling()
        for _ in range(senders):
            self.env.process(self._send_again())
        self.env.run(seconds)
        return self.found

    def _send(self, per_second: float, until: float, deliver: Callable[[], Steps]) -> Steps:
        while True:
            even = 1 / per_second
            yield self.env.timeout(even if self._even else self.random.expovariate(per_second))
            if self.env.now >= until:
                return
            self.env.process(deliver())

    def _send_again(self) -> Steps:
        while True:
            yield from self._deliver(self.day.per_delivery)

    # -- the gateway

    def _deliver(self, alerts: int, *, runs: bool = False) -> Steps:
        began, door = self.env.now, self.random.randrange(len(self.doors))
        self.found.deliveries += 1
        self.found.alerts += alerts
        yield from self._sender.work(self._to_send / 2)
        yield from self.parts.front.work(self.figures.of("nginx", "delivery"))
        yield from self.parts.gateways[door].work(self.figures.of("gateway", "delivery"))
        drawn = [0.0] if runs else self._drawn(alerts)
        new = [each < self.day.run for each in drawn if each < self.day.new or runs]
        pause = _REPEAT_SECONDS
        while (done := self.doors[door].put((alerts, len(new)))) is None:
            self.found.refused += 1
            yield self.env.timeout(pause)
            pause = min(2 * pause, _LONGEST_REPEAT_SECONDS)
        yield done
        yield from self._sender.work(self._to_send / 2)
        self.found.accepted.append(self.env.now - began)
        self.found.stored += 1
        for each in new:
            self._open(began, runs=each or runs)

    def _drawn(self, alerts: int) -> list[float]:
        """Draw where in the day's shares each is; with ``even``, as many are new each time."""
        if not self._even:
            return [self.random.random() for _ in range(alerts)]
        new = round(self.day.new * alerts)
        return [self.day.run] * new + [1.0] * (alerts - new)

    def _writing(self, gateway: Process) -> Callable[[list[tuple[int, int]]], Steps]:
        figures = self.figures

        def write(batch: list[tuple[int, int]]) -> Steps:
            alerts, opened = sum(count for count, _ in batch), sum(count for _, count in batch)

            def cost(part: str) -> float:
                each = figures.of(part, "delivery") if part != "gateway" else 0.0
                whole = figures.of(part, "batch") + len(batch) * each
                return whole + alerts * figures.of(part, "alert")

            own = cost("gateway") + opened * figures.of("gateway", "incident")
            theirs = cost("postgres") + figures.opening_seconds * (opened > 0)
            statements = _STATEMENTS + _OPENING_STATEMENTS * (opened > 0)
            for _ in range(statements):
                yield from gateway.work(own / (statements + 1))
                yield from self.parts.database.work(theirs / statements)
            if self.parts.standby is not None:
                yield from self.parts.standby.work(cost("standby"))
            yield self.env.timeout(figures.commit_seconds)
            if opened:
                self.env.process(self._wake(opened))
            yield from gateway.work(own / (statements + 1))  # answers, beside what is woken

        return write

    def _wake(self, opened: int) -> Steps:
        """Let controllers hear of incidents; what that costs the database is not waited for."""
        self.found.woken += 1
        figures, parts = self.figures, self.parts
        opening = figures.of("controller", "opening") / 2  # measured were two
        works: list[tuple[Work, float]] = [(each.work, opening) for each in parts.controllers]
        new = figures.of("postgres", "opening") + opened * figures.of("postgres", "incident")
        works.append((parts.database.work, max(0.0, new - figures.opening_seconds)))
        if parts.standby is not None:
            works.append((parts.standby.work, opened * figures.of("standby", "incident")))
        yield from self._at_once(works)

    def _at_once(self, works: Sequence[tuple[Work, float]]) -> Steps:
        """Do all of it at once, each in pieces."""
        whole = LONGER * sum(seconds for _, seconds in works)
        each = [self._in_pieces(work, seconds, whole) for work, seconds in works]
        yield self.env.all_of([self.env.process(steps) for steps in each])

    def _in_pieces(self, work: Work, seconds: float, whole: float) -> Steps:
        """Do so much work, spread over the whole time."""
        count = max(1, round(seconds / _PIECE_SECONDS))
        pause = max(whole - seconds, 0.0) / count
        for number in range(count):
            yield self.env.timeout(self.random.uniform(0.0, (2 if number else 1) * pause))
            yield from work(seconds / count)

    def _open(self, began: float, *, runs: bool) -> None:
        self.found.incidents += 1
        grouping, now = self.limits.grouping, self.env.now
        self._opened.append(now)
        in_burst = self._burst_runs is not None
        while self._opened[0] < now - grouping.window_seconds(in_burst=in_burst):
            self._opened.popleft()
        if len(self._opened) > grouping.incidents:
            self._burst_runs = self._burst_runs or 0
        else:
            self._burst_runs = None
        if self._burst_runs is not None:
            self.found.grouped += 1
            if not runs or self._burst_runs >= grouping.runs:
                return
            self._burst_runs += 1
        if runs:
            self.found.wanted += 1
            self.remediate.put(began)
        else:
            self.notices.put(began)

    # -- the controller

    def _create(self, began: float) -> Steps:
        controller = self.random.choice(self.parts.controllers)  # beside the making of the run
        self.env.process(controller.work(self.figures.of("controller", "incident")))
        yield from self._stage("created", self.random.randrange(len(self.parts.workers)))
        self.found.created += 1
        self.env.process(self._run(began))

    def _notify(self, _began: float) -> Steps:
        controller = self.random.choice(self.parts.controllers)
        yield from controller.work(self.figures.of("controller", "incident"))
        yield from self.parts.front.work(self.figures.of("slack", "incident"))
        yield self.env.timeout(self.limits.message_seconds)

    # -- the run

    def _run(self, began: float) -> Steps:
        repairs = self.random.random() < self.day.repair
        place = self.random.randrange(len(self.parts.workers))
        with self._slots.request() as slot:
            yield slot
            with self.parts.starts[place].request() as turn:
                yield turn
                for stage in STAGES[1:]:
                    yield from self._stage(stage, place)
            self.found.first_looks.append(self.env.now - began)
            self.found.begun += 1
            self._runs_now += 1
            self.found.most_at_once = max(self.found.most_at_once, self._runs_now)
            since = self.env.now
            kind = "repair" if repairs else "look"
            yield from self._look(LOOK_KEYS)
            yield from self._rest(kind, place, 0.5)
            if repairs:
                yield from self._repair(place)
            yield from self._rest(kind, place, 0.5)
            self.found.run_seconds.append(self.env.now - since)
            self.found.ended += 1
            self.found.repaired += repairs
            self._runs_now -= 1

    def _look(self, keys: tuple[str, ...]) -> Steps:
        reads = [self.env.process(self.budget.read(key)) for key in keys]
        yield self.env.all_of(reads)

    def _repair(self, place: int) -> Steps:
        with self.random.choice(self._targets).request() as lock:
            yield lock
            yield from self._look(LOOK_KEYS)
            yield from self.budget.write()
            until, pause = self.env.now + self.limits.watch_seconds, _FIRST_PAUSE
            while self.env.now < until:
                yield from self._look(_WATCH_KEYS)
                wait = min(pause, max(0.0, until - self.env.now))
                yield self.env.timeout(wait)
                for part, work in (
                    ("worker", self.parts.workers[place]),
                    ("postgres", self.parts.database),
                ):
                    yield from work.work(self.figures.of(part, "watched second") * wait)
                pause = min(pause * _GROWTH, _LONGEST_PAUSE)

    def _stage(self, stage: str, place: int) -> Steps:
        for part, share in self.figures.shares.items():
            yield from self.parts.work(part, self.figures.stages[stage] * share, place=place)

    def _rest(self, kind: str, place: int, share: float) -> Steps:
        """Take what a run costs beyond its first stages."""
        stages = sum(self.figures.stages.values())
        works: list[tuple[Work, float]] = []
        for part, of in self.figures.shares.items():
            left = max(0.0, self.figures.of(part, kind) - stages * of)
            works.append((partial(self.parts.work, part, place=place), left * share))
        yield from self._at_once(works)
