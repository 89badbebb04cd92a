"""
What the gateway counts, for Prometheus: on a listener of its own, never at the public door.

Labels are our own names and a few words; nothing that a sender wrote becomes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cct_ops.ledger.intake import inbox
from cct_ops.people import metrics as people

NOT_STORED = "not stored"

REGISTRY = CollectorRegistry()

DELIVERIES = Counter(
    "cct_ops_deliveries",
    "Deliveries by what was answered.",
    ["source", "outcome"],
    registry=REGISTRY,
)
REFUSED = Counter(
    "cct_ops_refused", "Requests that were refused, by status.", ["status"], registry=REGISTRY
)
SECONDS = Histogram(
    "cct_ops_delivery_seconds",
    "From a complete body to the answer.",
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4),
)


for _counter in (people.MESSAGES, people.PAGE_ATTEMPTS):  # of its watch over the controller
    REGISTRY.register(_counter)


def begin_at_zero(sources: Iterable[str]) -> None:
    """Show what alerts are about before it happens: the first time would be no increase."""
    REFUSED.labels("401")
    for source in sources:
        DELIVERIES.labels(source, NOT_STORED)


def described() -> Iterator[GaugeMetricFamily]:
    """Yield what is read at each scrape, without its values."""
    yield GaugeMetricFamily("cct_ops_deliveries_waiting", "Deliveries not stored yet.")
    yield GaugeMetricFamily(
        "cct_ops_deliveries_oldest_waiting_seconds",
        "How long the first of them has waited; 0 where none does.",
    )
    yield GaugeMetricFamily("cct_ops_ledger", "Rows that wait or need a person.", labels=["what"])


class Waiting(Collector):
    """What waits in the gateway, and counts of what the ledger holds, read at each scrape."""

    def __init__(
        self, engine: sa.Engine, waiting: Callable[[], int], oldest_seconds: Callable[[], float]
    ) -> None:
        self._engine = engine
        self._waiting = waiting
        self._oldest_seconds = oldest_seconds

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield them without their values."""
        yield from described()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Count; while the ledger does not answer there is no such number."""
        waiting, oldest, rows = described()
        waiting.add_metric([], self._waiting())
        oldest.add_metric([], self._oldest_seconds())
        yield from (waiting, oldest)
        try:
            counts = inbox.count_backlog(self._engine)
        except sa.exc.SQLAlchemyError:
            return
        for what, count in counts.items():
            rows.add_metric([what], count)
        yield rows
