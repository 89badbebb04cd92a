"""
The load at which each queue is full, by the utilisation law: capacity through demand per alert.

The model shows how long people then wait; what breaks first, at which load, is arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from evaluation.capacity.installation import Day, Installation
from evaluation.capacity.model import LONGER, LOOK_KEYS
from evaluation.capacity.parts import Figures

_RUNS = ("look", "repair")


class Limit(NamedTuple):
    """A queue that is full at so many alerts a second; what people see then, and what moves it."""

    what: str
    alerts_per_second: float
    seen: str
    setting: str


def limits(made: Installation, day: Day, figures: Figures) -> list[Limit]:
    """Return all of them, the first to be full first."""
    return sorted(
        [*_settings(made, day, figures), *_parts(made, day, figures)],
        key=lambda each: each.alerts_per_second,
    )


def _settings(made: Installation, day: Day, figures: Figures) -> Iterator[Limit]:
    given = made.limits
    repairs = day.run * day.repair
    burst = given.grouping
    yield Limit(
        "grouping of a burst",
        burst.incidents / burst.within_seconds / day.new,
        f"one message for each group, {burst.runs} runs that only observe; the others are grouped",
        "`grouping:` in routes.yaml",
    )
    noise = day.new - day.run
    yield Limit(
        "messages to one Slack channel",
        1 / given.message_seconds / noise,
        "messages come late, by hours in the end; runs do not wait for them",
        "`notify:` of routes; fewer new alerts (Alertmanager's `group_by`)",
    )
    length = run_seconds(made, day, figures)
    yield Limit(
        "runs of the playbook at once",
        given.runs_at_once / length / day.run,
        "runs wait as Scheduled, then Late",
        "the tag `at most N at once` in prefect.yaml",
    )
    reads = given.requests_per_minute - given.kept_for_writes
    per_minute = reads / (given.window_seconds / 60)
    yield Limit(
        "CCT's requests a minute, each run with reads of its own",
        per_minute / 60 / requests_per_run(made, day, figures) / day.run,
        "reads wait and are shared: a look takes up to"
        f" {len(LOOK_KEYS) * given.window_seconds / reads:.0f} s; none is refused",
        "`CCT_OPS_REQUESTS_PER_MINUTE`, with CCT's own limit",
    )
    yield Limit(
        "changes of the same target",
        given.targets / (given.watch_seconds + 10) / repairs,
        f"a run waits for the lock, and is Blocked after {given.lock_seconds:g} s",
        "`CCT_OPS_WATCH_SECONDS`",
    )
    seconds = figures.stages["created"]
    yield Limit(
        "lanes of the controllers",
        given.rows_at_once * made.controllers / seconds / day.run,
        "incidents wait as pending; `cct_ops_oldest_pending_seconds` grows",
        "more controllers",
    )


def run_seconds(made: Installation, day: Day, figures: Figures) -> float:
    """Return how long a run takes by itself, on average."""
    parts = ("controller", "prefect-api", "prefect-services", "worker", "postgres")
    look, repair = (sum(figures.of(part, kind) for part in parts) for kind in _RUNS)
    watched = made.limits.watch_seconds
    return (1 - day.repair) * LONGER * look + day.repair * (LONGER * repair + watched)


def requests_per_run(made: Installation, day: Day, figures: Figures) -> float:
    """Return how many requests a run sends to CCT where it shares none."""
    watched = figures.requests["watched second"] * made.limits.watch_seconds
    repair = figures.requests["repair"] + watched
    return (1 - day.repair) * figures.requests["look"] + day.repair * repair


def demand(part: str, made: Installation, day: Day, figures: Figures) -> float:
    """Return the processor time that an alert takes of a part, with all that follows."""

    def of(thing: str) -> float:
        return figures.of(part, thing)

    opening = of("opening") * day.opening
    if part == "controller":
        opening *= made.controllers / 2  # each is woken; measured were two
    delivery = (of("delivery") + of("batch") + opening) / day.per_delivery
    repair = of("repair") + of("watched second") * made.limits.watch_seconds
    run = (1 - day.repair) * of("look") + day.repair * repair
    return delivery + of("alert") + day.new * of("incident") + day.run * run


def idle(part: str, made: Installation, figures: Figures) -> float:
    """Return the cores that a part takes while nothing happens."""
    count = getattr(made, _MORE[part][0]) if part in _MORE else 2
    return figures.of(part, "second") * count / 2 + figures.of(part, "worker second") * made.workers


_NOTHING = 1e-9
_LATE = "everything is late", "more cores"
_MORE = {
    "gateway": ("gateways", "senders are answered late, then 503; they repeat", "more gateways"),
    "controller": ("controllers", "runs begin late", "more controllers"),
    "prefect-api": ("apis", "runs begin late; the UI is slow", "more `prefect-api`"),
    "prefect-services": ("services", "events and task runs are shown late", "more of them"),
}
_ON_ONE = (*_MORE, "worker", "postgres", "redis", "nginx")


def _parts(made: Installation, day: Day, figures: Figures) -> Iterator[Limit]:
    for part, (count, seen, setting) in _MORE.items():
        number = getattr(made, count)
        rest = number - idle(part, made, figures)
        yield Limit(
            f"{number} {part}, a core each",
            max(rest, 0.0) / max(demand(part, made, day, figures), _NOTHING),
            seen,
            setting,
        )
    shared = made.shared_cores
    if shared is not None:
        yield _cores(f"the {shared:g} cores of the machine", shared, _ON_ONE, made, day, figures)
        return
    database, workers = made.database_cores, made.workers * made.worker_cores
    yield _cores(f"PostgreSQL, {database} cores", database, ("postgres",), made, day, figures)
    name = f"{made.workers} workers of {made.worker_cores} cores"
    yield _cores(name, workers, ("worker",), made, day, figures)


def _cores(
    what: str, cores: float, parts: tuple[str, ...], made: Installation, day: Day, figures: Figures
) -> Limit:
    """Return when these cores are used by what these parts do."""
    rest = cores - sum(idle(part, made, figures) for part in parts)
    whole = sum(demand(part, made, day, figures) for part in parts)
    seen, setting = ("runs begin late", "more workers") if parts == ("worker",) else _LATE
    return Limit(what, max(rest, 0.0) / max(whole, _NOTHING), seen, setting)
