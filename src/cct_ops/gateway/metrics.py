"""
What the gateway counts, for Prometheus: on a listener of its own, never at the public door.

Labels are our own names and a few words; nothing that a sender wrote becomes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cct_ops.ledger.intake import inbox

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


class _Ledger(Collector):
    """Counts of what the ledger holds, read at each scrape."""

    def __init__(self, engine: sa.Engine, waiting: Callable[[], int]) -> None:
        self._engine = engine
        self._waiting = waiting

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Count; while the ledger does not answer there is no such number."""
        yield GaugeMetricFamily(
            "cct_ops_deliveries_waiting", "Deliveries not stored yet.", value=self._waiting()
        )
        try:
            counts = inbox.count_backlog(self._engine)
        except sa.exc.SQLAlchemyError:
            return
        rows = GaugeMetricFamily(
            "cct_ops_ledger", "Rows that wait or need a person.", labels=["what"]
        )
        for what, count in counts.items():
            rows.add_metric([what], count)
        yield rows


def serve(host: str, port: int, engine: sa.Engine, waiting: Callable[[], int]) -> None:
    """Answer Prometheus on this port until the process ends."""
    REGISTRY.register(_Ledger(engine, waiting))
    start_http_server(port, host, REGISTRY)
