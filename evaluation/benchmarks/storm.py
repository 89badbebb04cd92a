"""
``python -m evaluation.benchmarks.storm``: a thousand incidents at once, settings as shipped.

Routes, policy, grouping and limits are those of ``deployments/`` and ``prefect.yaml``; the alerts
are of all kinds that the routes know, and of one that they do not. It exits with 1 unless every
incident is stored and dealt with, and every run has ended.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
from cyclopts import App, Parameter

from cct_ops.ledger.intake.outbox import DEAD_LETTERED, REMEDIATE
from cct_ops.ledger.intake.tables import alerts, burst_groups, deliveries, dispatches, incidents
from cct_ops.models.cct import Route
from cct_ops.sandbox.control import SandboxControl
from evaluation.benchmarks.load import UiProbe, first_page
from evaluation.benchmarks.system import System, system
from evaluation.benchmarks.tables import markdown
from evaluation.soak.bodies import body
from evaluation.soak.load import Tally, Target, send

_PATIENCE_SECONDS = 1200.0
_RETRIES = 1_000_000  # an Alertmanager does not give up while its alert is there
_KINDS = (
    {"alertname": "CanaryRolledBack", "severity": "critical"},
    {"alertname": "SLOBreach", "severity": "error"},
    {"alertname": "CanaryDegraded", "severity": "error"},
    {"alertname": "ExemptionsOverdue", "severity": "warning"},
    {"alertname": "RateLimitExceeded", "limit": "bulkOperations", "severity": "warning"},
    {"alertname": "NobodyKnows", "severity": "info"},
)
_GOING = {"SCHEDULED", "PENDING", "RUNNING", "CANCELLING"}
_DEALT_WITH = ("sent", "grouped", "notified")

app = App(help=__doc__)


@app.default
def main(*, count: Annotated[int, Parameter(name="incidents", help="At once.")] = 1000) -> int:
    """Print what became of them; exit with 1 if any was lost or is still waiting."""
    with tempfile.TemporaryDirectory(prefix="bench-storm-") as folder:
        place = Path(folder)
        place.chmod(0o755)  # PostgreSQL, as a user of its own, must come through
        found = measure(place, count)
    print(table(found))
    return 0 if found["lost"] == 0 else 1


def measure(folder: Path, count: int) -> dict[str, Any]:
    """Send so many alerts at once, each of an incident of its own; returns what became of them."""
    with system(folder, shipped=True) as stack, SandboxControl(stack.urls["cct"]) as sandbox:
        for route in Route:
            sandbox.roll_back(
                route, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10
            )
        page, browser = f"{stack.urls['prefect']}/dashboard", {"Accept": "text/html"}
        probes = {
            "the UI's page": UiProbe(stack, lambda prefect: prefect.get(page, headers=browser)),
            "its list of runs": UiProbe(stack, first_page),
            "/api/health": UiProbe(stack, lambda prefect: prefect.get("/health")),
        }
        with ExitStack() as watching:
            for probe in probes.values():
                watching.enter_context(probe)
            began = time.monotonic()
            tally = asyncio.run(_send(stack, count))
            answered = time.monotonic() - began
            most = _drained(stack)
            drained = time.monotonic() - began
            runs = _runs(stack)
            ended = time.monotonic() - began
        seconds = sorted(tally.seconds)
        return {
            "incidents": count,
            "lost": count - _dealt_with(stack) + not_well(runs),
            "stored": _stored(stack),
            "sent_again": tally.retried,
            "door_median_seconds": statistics.median(seconds),
            "door_p99_seconds": tally.percentile(0.99) / 1000,
            "door_worst_seconds": seconds[-1],
            "all_answered_seconds": answered,
            "most_waiting": most,
            "none_waits_seconds": drained,
            "all_ended_seconds": ended,
            "became": _became(stack),
            "runs": ends_of(runs),
            "worst_answer_seconds": {name: max(each.seconds) for name, each in probes.items()},
            "unanswered": {name: each.unanswered for name, each in probes.items()},
        }


async def _send(stack: System, count: int) -> Tally:
    target = Target.at(stack.urls["hook"], stack.key)
    return await send(
        target, list(bodies(count)), per_second=1e9, connections=count, retries=_RETRIES
    )


def bodies(count: int) -> Iterator[bytes]:
    """Return an alert of each kind in turn, about each page of CCT in turn."""
    routes, now = list(Route), datetime.now(UTC).isoformat()
    for number in range(count):
        kind = _KINDS[number % len(_KINDS)]
        route = routes[number // len(_KINDS) % len(routes)].value
        labels = {**kind, "route": route, "instance": f"web-{number}"}
        yield body([{"status": "firing", "labels": labels, "startsAt": now}], number)


def _drained(stack: System) -> int:
    """Wait until nothing waits for the controller; returns how many rows waited at most."""
    waiting = sa.select(sa.func.count()).where(dispatches.c.state == "pending")
    until, most = time.monotonic() + _PATIENCE_SECONDS, 0
    while True:
        with stack.ledger.connect() as connection:
            now = connection.execute(waiting).scalar_one()
        most = max(most, now)
        if not now or time.monotonic() > until:
            return most
        time.sleep(0.25)


def _runs(stack: System) -> list[Any]:
    """Wait until each run has ended, or waits for a person, and return all of them."""
    made = sa.select(dispatches.c.flow_run_id).where(dispatches.c.flow_run_id.is_not(None))
    with stack.ledger.connect() as connection:
        ids = [str(each) for each in connection.scalars(made)]
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        runs: list[Any] = stack.api(
            "POST", "/flow_runs/filter", {"flow_runs": {"id": {"any_": ids}}}
        )
        left = sum(run["state"]["type"] in _GOING for run in runs)
        if not left or time.monotonic() > until:
            return runs
        time.sleep(1)


def ends_of(runs: Sequence[Any]) -> dict[str, int]:
    """Return how many runs of each playbook ended as what."""
    return dict(Counter(f"{run['name'].partition(' ')[0]}: {run['state']['name']}" for run in runs))


def not_well(runs: Sequence[Any]) -> int:
    """Return how many runs have neither ended as they should nor wait for a person."""
    return sum(run["state"]["type"] in {*_GOING, "FAILED", "CRASHED", "CANCELLED"} for run in runs)


def _dealt_with(stack: System) -> int:
    """
    Return how many incidents have a run, stand under another one, or were reported to people.

    Among the reported ones is the one that stands for all groups for which there was no run left.
    """
    of, leads = dispatches.c, sa.select(burst_groups.c.incident_id)
    dealt = sa.select(sa.func.count(of.incident_id.distinct())).where(
        of.purpose == REMEDIATE,
        of.state.in_(_DEALT_WITH) | (of.state == DEAD_LETTERED) & of.incident_id.in_(leads),
    )
    with stack.ledger.connect() as connection:
        return connection.execute(dealt).scalar_one()


def _stored(stack: System) -> dict[str, int]:
    with stack.ledger.connect() as connection:
        return {
            table.name: connection.execute(
                sa.select(sa.func.count()).select_from(table)
            ).scalar_one()
            for table in (deliveries, alerts, incidents)
        }


def _became(stack: System) -> dict[str, int]:
    """Return how many rows of each purpose ended in which state."""
    of = dispatches.c
    counted = sa.select(of.purpose, of.state, sa.func.count()).group_by(of.purpose, of.state)
    with stack.ledger.connect() as connection:
        rows = connection.execute(counted.order_by(of.purpose, of.state)).tuples()
        return {f"{purpose}: {state}": number for purpose, state, number in rows}


def table(found: Mapping[str, Any]) -> str:
    """Return the results in Markdown."""

    def listed(counts: Mapping[str, float], form: str = "") -> str:
        return ", ".join(f"{name} {number:{form}}" for name, number in counts.items())

    door = (f"{found[f'door_{name}_seconds']:.2f} s" for name in ("median", "p99", "worst"))
    rows = {
        "incidents at once": found["incidents"],
        "lost": found["lost"],
        "rows in the ledger": listed(found["stored"]),
        "answers of the door: median, p99, worst": ", ".join(door),
        "deliveries sent again": found["sent_again"],
        "all stored after": f"{found['all_answered_seconds']:.1f} s",
        "what became of them": listed(found["became"]),
        "rows that waited for the controller, at most": found["most_waiting"],
        "none waited after": f"{found['none_waits_seconds']:.1f} s",
        "runs": listed(found["runs"]),
        "all runs had ended after": f"{found['all_ended_seconds']:.1f} s",
        "slowest answers of Prefect's server, s": listed(found["worst_answer_seconds"], ".2f"),
        "unanswered": listed(found["unanswered"]),
    }
    return markdown(["", "measured"], [[name, str(value)] for name, value in rows.items()])


if __name__ == "__main__":
    app()
