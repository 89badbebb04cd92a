"""The tables of docs/capacity.md, from the file of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from textwrap import fill
from typing import Any

from evaluation.capacity import results
from evaluation.capacity.words import COMPARED, PARTS, THINGS

MIB = 2**20
_SHOWN_LIMITS = 8
_WIDTH = 120
_MEMBERS = ("gateway", "controller", "prefect-api", "prefect-services", "worker")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["--"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def figures() -> str:
    """Return the processor time that one of each thing takes of each part, in milliseconds."""
    cpu = results.read()["costs"]["cpu"]
    rows = [
        [words, *(_number(1000 * cpu[part].get(thing, 0.0)) for part in PARTS)]
        for thing, words in THINGS.items()
    ]
    return _table(["", *PARTS.values()], rows)


def traces() -> str:
    """Return the commits, the bytes and the requests to CCT that one of each thing costs."""
    costs = results.read()["costs"]

    def of(kind: str, name: str, thing: str, unit: float = 1.0) -> str:
        return _number(costs[kind][name].get(thing, 0.0) / unit)

    rows = [
        [
            words,
            of("commits", "cct_ops", thing),
            of("commits", "prefect", thing),
            of("bytes", "cct_ops", thing, 1024),
            of("bytes", "prefect", thing, 1024),
            of("bytes", "wal", thing, 1024),
            _number(costs["requests"].get(thing, 0.0)),
        ]
        for thing, words in THINGS.items()
    ]
    head = ("", "commits, ledger", "commits, Prefect", "KiB, ledger", "KiB, Prefect", "KiB of WAL")
    return _table([*head, "requests to CCT"], rows)


def connections() -> str:
    """Return the connections to PostgreSQL that a part holds at most, and what 100 workers take."""
    found = results.read()
    most = most_connections(found["phases"])
    (several,) = [
        each for each in found["asked"] if each["installation"].startswith("several machines, 100")
    ]
    at_once = several["parts"]["busiest hour"]["runs_at_once"]
    counts = {"gateway": 2, "controller": 2, "prefect-api": 2, "prefect-services": 2, "worker": 100}
    held = [*((PARTS[part], most[part], count) for part, count in counts.items())]
    held.append(("a run", most["one run"], at_once))
    rows = [[part, str(each), str(count), str(count * each)] for part, each, count in held]
    whole = sum(count * each for _, each, count in held)
    rows.append(["**all**", "", "", f"**{whole}**"])
    return _table(["part", "each", "of them", "together"], rows)


def most_connections(phases: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the most that any member of a kind held under any load, and one run."""
    most = dict.fromkeys((*_MEMBERS, "one run"), 0)
    for phase in phases:
        for name, count in phase["connections"].items():
            kind = name.rstrip("0123456789").rstrip("-")
            if kind in most:
                most[kind] = max(most[kind], count)
    return most


def first(installation: str) -> str:
    """Return what is full first in an installation, and at which load."""
    found = results.read()
    (asked,) = [each for each in found["asked"] if each["installation"] == installation]
    day = found["day"]
    mean = day["alerts"] / 86400
    rows = [
        [
            each["what"],
            _number(each["alerts_per_second"]),
            _number(each["alerts_per_second"] * 86400 / 1e6),
            _holds(each["alerts_per_second"], mean, mean * day["peak"]),
            each["seen"],
            each["setting"],
        ]
        for each in asked["limits"][:_SHOWN_LIMITS]
    ]
    head = ("what is full", "at alerts a second", "million a day, if even")
    tail = ("holds a million a day", "what people see", "what moves it")
    return _table([*head, *tail], rows)


def _holds(most: float, mean: float, busiest: float) -> str:
    if most < mean:
        return "no"
    return "but for the busiest hour" if most < busiest else "yes"


def day() -> str:
    """Return how the modelled day goes in each installation."""
    rows = []
    for asked in results.read()["asked"]:
        for name, part in asked["parts"].items():
            used = max(part["used"].items(), key=lambda each: each[1])
            rows.append(
                [
                    asked["installation"],
                    name,
                    _number(part["alerts_per_second"]),
                    f"{_seconds(part['accepted_p50'])}, {_seconds(part['accepted_p99'])}",
                    f"{_seconds(part['first_look_p50'])}, {_seconds(part['first_look_p95'])}",
                    f"{part['runs_waiting']:,}",
                    f"{part['messages_waiting']:,}",
                    f"{used[0]}: {used[1]:.0%}",
                ]
            )
    head = ("installation", "when", "alerts a second", "accepted, p50, p99")
    more = ("first look, p50, p95", "runs that wait", "messages that wait", "most in use")
    return _table([*head, *more], rows)


def disk() -> str:
    """Return what a day of the model leaves on disk, and what stays after each retention."""
    found = results.read()
    of_day, costs = found["day"], found["costs"]["bytes"]
    runs = of_day["alerts"] * of_day["run"]
    counts = {
        "alert": of_day["alerts"],
        "delivery": of_day["alerts"] / of_day["per_delivery"],
        "opening": of_day["alerts"] / of_day["per_delivery"] * of_day["opening"],
        "incident": of_day["alerts"] * of_day["new"],
        "look": runs * (1 - of_day["repair"]),
        "repair": runs * of_day["repair"],
        "watched second": runs * of_day["repair"] * of_day["watch_seconds"],
        "second": 86400,
        "batch": of_day["alerts"] / of_day["per_delivery"],
    }
    rows = []
    for name, kept in (("cct_ops", 90), ("prefect", 90), ("wal", 0)):
        a_day = sum(cost * counts.get(thing, 0.0) for thing, cost in costs[name].items()) / 2**30
        after = _number(a_day * kept) if kept else ""
        rows.append([_DISKS[name], _number(a_day), after, _KEPT[name]])
    return _table(["what", "GiB a day", "GiB after 90 days", "kept"], rows)


_DISKS = {"cct_ops": "ledger", "prefect": "Prefect's database", "wal": "write-ahead log"}
_KEPT = {
    "cct_ops": "bodies `CCT_OPS_KEEP_BODIES_DAYS`; what is on record for good",
    "prefect": "runs `CCT_OPS_KEEP_RUNS_DAYS`, events `CCT_OPS_KEEP_EVENTS_DAYS`",
    "wal": "until the standby and the archive have it",
}


def check() -> str:
    """Return what was predicted of the loads that were not fitted, and what was measured."""
    found = results.read()
    left = {phase["load"]["name"]: phase["cores_left"] for phase in found["phases"]}
    rows = [
        [
            COMPARED.get(each["load"], each["load"]),
            f"{left[each['load']]:.1f}",
            each["what"],
            _number(each["predicted"]),
            _number(each["measured"]),
            f"{each['off']:+.0%}",
        ]
        for each in found["check"]
    ]
    return _table(["load", "cores left", "figure", "predicted", "measured", "off by"], rows)


def made_on() -> str:
    """Return when, where and beside what it was measured."""
    found = results.read()
    left = [phase["cores_left"] for phase in found["phases"]]
    return fill(
        f"Measured on {found['measured_on']} on {found['machine']}; others on the machine left"
        f" {min(left):.1f} to {max(left):.1f} cores to the cluster and its sender.",
        _WIDTH,
    )


def _number(value: float) -> str:
    """Return it with two significant digits, and nothing for nothing."""
    if value == 0:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}"


def _seconds(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:,.1f} s"


PARTS_OF_PAGE: Mapping[str, Callable[[], str]] = {
    "measured": made_on,
    "figures": figures,
    "traces": traces,
    "connections": connections,
    "first on one machine": lambda: first("one machine, 2 cores"),
    "first on several": lambda: first("several machines, 100 workers"),
    "day": day,
    "disk": disk,
    "check": check,
}
