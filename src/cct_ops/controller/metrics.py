"""
What the controller shows Prometheus: its own work, the state of the ledger, and the gate's doings.

The gate works in the processes of runs, which are short-lived; what it decided and did is counted
here, from the transparency log. All that comes from the ledger is the same whichever controller
tells it, so where there are several it is not to be added up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cct_ops.config import policy
from cct_ops.controller import gate_metrics
from cct_ops.controller.gate_metrics import GateCounts
from cct_ops.ledger.gate import breakers
from cct_ops.ledger.gauges import GAUGES, read_gauges
from cct_ops.people import metrics as people

READ_SECONDS = 2.0
_AWAY: Mapping[str, Sequence[tuple[str | None, float]]] = {"cct_ops_ledger_up": [(None, 0.0)]}

REGISTRY = CollectorRegistry()

JOB_SECONDS = Summary(
    "cct_ops_controller_job_seconds",
    "Turns of each of the controller's jobs, and how long they took.",
    ["name"],
    registry=REGISTRY,
)
JOB_FAILURES = Counter(
    "cct_ops_controller_job_failures",
    "Turns that failed; the next turn tries again.",
    ["name"],
    registry=REGISTRY,
)
DISPATCH_SECONDS = Histogram(
    "cct_ops_dispatch_seconds",
    "How long one row took, from its claim: a run to start (remediate), a notice to send (notice).",
    ["purpose"],
    registry=REGISTRY,
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
DISPATCHES = Counter(
    "cct_ops_dispatches",
    "Attempts at such rows, by what came of them: done, again later, or dead-lettered.",
    ["purpose", "result"],
    registry=REGISTRY,
)
RUNS_CREATED = Counter(
    "cct_ops_runs_created", "Runs started for an alert.", ["playbook"], registry=REGISTRY
)
CRASHED_RUNS = Counter(
    "cct_ops_crashed_runs",
    "Runs that died or gave no account: recovered (their change is put back), replaced (they had"
    " changed nothing), or left to people.",
    ["became"],
    registry=REGISTRY,
)
BREAKERS_OPEN = Gauge(
    "cct_ops_breakers_open",
    "Targets on which a breaker stops the next change, by playbook and policy's class of targets.",
    ["playbook", "targets", "breaker"],
    registry=REGISTRY,
)

for _purpose in ("remediate", "notice"):
    for _result in ("done", "later", "dead-lettered"):
        DISPATCHES.labels(_purpose, _result)
for _became in ("recovered", "replaced", "left to people"):
    CRASHED_RUNS.labels(_became)
for _counter in (people.MESSAGES, people.PAGE_ATTEMPTS):
    REGISTRY.register(_counter)


def described() -> Iterator[Metric]:
    """Yield what comes from the ledger, without its values."""
    yield GaugeMetricFamily(
        "cct_ops_ledger_up", "1 if the ledger answered this scrape within seconds, else 0."
    )
    for counter in gate_metrics.COUNTERS:
        yield from counter.describe()
    for gauge in GAUGES:
        labels = [gauge.label] if gauge.label else []
        yield GaugeMetricFamily(gauge.name, gauge.meaning, labels=labels)


class LedgerState(Collector):
    """The state of the ledger and what was done at the gate, read at each scrape."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._gate = GateCounts(engine)
        self._reading = threading.Lock()
        self._read()  # what is done from now on is counted

    def describe(self) -> Iterator[Metric]:
        """Yield all of them without their values."""
        yield from described()

    def collect(self) -> Iterator[Metric]:
        """Read; of a ledger that does not answer there are no gauges, and counters stand still."""
        gauges = self._read()
        for family in described():
            if isinstance(family, GaugeMetricFamily):
                for label, value in gauges.get(family.name, ()):
                    family.add_metric([] if label is None else [label], value)
                yield family
        for counter in gate_metrics.COUNTERS:
            yield from counter.collect()

    def _read(self) -> Mapping[str, Sequence[tuple[str | None, float]]]:
        if not self._reading.acquire(timeout=READ_SECONDS):
            return _AWAY  # an earlier scrape still waits for the ledger
        try:
            self._gate.bring_up_to_date()
            return {**read_gauges(self._engine), "cct_ops_ledger_up": [(None, 1.0)]}
        except sa.exc.SQLAlchemyError:
            return _AWAY
        finally:
            self._reading.release()


def show_breakers(engine: sa.Engine, policy_path: Path) -> None:
    """Bring the gauge of open breakers up to date; too dear for each scrape."""
    opened = breakers.count_open(engine, policy.read(policy_path))
    BREAKERS_OPEN.clear()
    for each, count in opened.items():
        BREAKERS_OPEN.labels(each.playbook, each.targets, each.guard.value).set(count)
