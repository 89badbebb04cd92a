"""The jobs that ask each sender for what did not arrive, and their intervals."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from cct_ops.config.sources import (
    AlertmanagerSource,
    GitHubSource,
    PagerDutySource,
    Source,
    Watchdog,
)
from cct_ops.controller.loop import Periodic
from cct_ops.controller.reconcile import alertmanager, github, pagerduty, watchdog
from cct_ops.ledger import clock

WATCH_SECONDS = 10


def jobs(engine: sa.Engine, sources: Mapping[str, Source]) -> Iterator[Periodic]:
    """Return the jobs of all senders that can be asked."""
    began = time.monotonic()
    for name, source in sources.items():
        title = f"reconciliation of {name}"
        match source:
            case AlertmanagerSource(reconcile=asked) if asked is not None:
                work = partial(alertmanager.reconcile, engine, name, asked)
                yield Periodic(title, asked.every_seconds, work)
            case PagerDutySource(reconcile=asked) if asked is not None:
                work = partial(pagerduty.reconcile, engine, name, asked)
                yield Periodic(title, asked.every_seconds, work)
            case GitHubSource(reconcile=asked) if asked is not None:
                yield Periodic(title, asked.every_seconds, github.Deliveries(engine, name, asked))
            case _:
                pass
        if isinstance(source, AlertmanagerSource) and source.watchdog is not None:
            work_of = partial(_watch, engine, name, source.watchdog, began)
            yield Periodic(f"watchdog of {name}", WATCH_SECONDS, work_of)


def _watch(engine: sa.Engine, name: str, settings: Watchdog, began: float) -> bool:
    """Watch a sender; when we were started is said by the ledger's clock, as when it was heard."""
    started_at = clock.read(engine) - timedelta(seconds=time.monotonic() - began)
    return watchdog.watch(engine, name, settings, started_at)
