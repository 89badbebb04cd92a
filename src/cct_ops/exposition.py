"""
The listener at which Prometheus reads the metrics of one of our parts.

What operates does not depend on what watches it: a part whose port cannot be had says so in its log
and goes on without.
"""

from __future__ import annotations

import logging

from prometheus_client import (
    CollectorRegistry,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)

log = logging.getLogger(__name__)


def serve_metrics(registry: CollectorRegistry, host: str, port: int, variable: str) -> None:
    """
    Answer Prometheus until the process ends, with this process's own memory and time as well.

    Port 0 is none; ``variable`` is what sets it.
    """
    if port == 0:
        return
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the moment at which each counter began, as one more number
    ProcessCollector(registry=registry)
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        log.error(  # noqa: TRY400 -- the sentence says it all
            "no metrics: cannot listen on %s:%s (%s); choose another port with %s, or an address"
            " of this machine with CCT_OPS_METRICS_HOST",
            host,
            port,
            error.strerror,
            variable,
        )
