"""What is asked of which sender, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial

import sqlalchemy as sa

from cct_ops.dispatcher.loop import Periodic
from cct_ops.models.source import AlertmanagerSource, GitHubSource, PagerDutySource, Source
from cct_ops.reconcile import alertmanager, github, pagerduty, watchdog

WATCH_SECONDS = 10


def jobs(engine: sa.Engine, sources: Mapping[str, Source]) -> Iterator[Periodic]:
    """Return the jobs of all senders that can be asked."""
    started_at = datetime.now(UTC)
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
            work_of = partial(watchdog.watch, engine, name, source.watchdog, started_at)
            yield Periodic(f"watchdog of {name}", WATCH_SECONDS, work_of)
