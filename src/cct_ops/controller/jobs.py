"""The table of the controller's jobs: each with its name, its interval in seconds and its work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from cct_ops.clients.server import Server
from cct_ops.config import policy
from cct_ops.config.sources import (
    AlertmanagerSource,
    GitHubSource,
    PagerDutySource,
    Source,
    Watchdog,
)
from cct_ops.controller import (
    approvals,
    buttons,
    changes,
    clocks,
    follow_ups,
    lost_ends,
    metrics,
    p0_incidents,
    rules,
    run_names,
    streams,
    takeovers,
    unhandled,
    untold,
)
from cct_ops.controller.crashed_runs import Reaper
from cct_ops.controller.dead_mans_switch import heartbeat
from cct_ops.controller.loop import Periodic
from cct_ops.controller.lost_ends import LostEnds
from cct_ops.controller.pauses import PAUSES_SECONDS, PauseMonitor
from cct_ops.controller.reconcile import alertmanager, github, pagerduty, watchdog
from cct_ops.controller.routes import Routes
from cct_ops.controller.workers import WORKERS_SECONDS, WorkerMonitor
from cct_ops.ledger import clock
from cct_ops.ledger.intake import deliveries, grouping, retention
from cct_ops.people import rota
from cct_ops.people.direct import Direct
from cct_ops.people.notifier import Notifier
from cct_ops.people.paging import Pager, look
from cct_ops.people.watchdog import CONTROLLER, EVERY_SECONDS, GATEWAY, PeerWatchdog
from cct_ops.record.checkpoints import Recorder
from cct_ops.settings import Settings

WATCH_SECONDS = 10
LOG_SECONDS = 60
BREAKERS_SECONDS = 60
RETENTION_SECONDS = 3600

Job = tuple[str, float, Callable[[], object]]


def jobs(
    engine: sa.Engine,
    settings: Settings,
    notifier: Notifier,
    routes: Routes,
    people: approvals.People,
    server: Server,
) -> list[Periodic]:
    """Return the jobs that do not depend on the senders; the ``on_news`` ones also run at news."""
    contacts = people.contacts
    pager = Pager(engine, contacts, Direct(people.approvers, notifier.bot))
    reaper = Reaper(engine, notifier, settings.policy_path, settings.start_seconds, server=server)
    table: list[Job] = [
        ("end of bursts", 10, partial(grouping.begin_or_end, engine, routes.grouping)),
        ("reaper", 10, reaper),
        ("runs without an account", lost_ends.EVERY_SECONDS, LostEnds(engine, server=server)),
        ("gateway", EVERY_SECONDS, PeerWatchdog(engine, CONTROLLER, GATEWAY, notifier)),
        ("P0 incidents", 5, partial(p0_incidents.page_about_new, pager)),
        ("quarantine", 10, partial(unhandled.report_deliveries, engine, notifier)),
        ("clocks", clocks.EVERY_SECONDS, partial(clocks.look, engine, server=server)),
        ("what is set aside", 10, partial(unhandled.report_items, engine, notifier)),
        ("contacts", 3600, partial(look, contacts)),
        ("calendars of the rota", rota.EVERY_SECONDS, rota.Calendars(engine, contacts)),
        ("status page", 5, p0_incidents.Announcer(engine, contacts)),
        ("workers", WORKERS_SECONDS, WorkerMonitor(engine, notifier, server=server)),
        ("pauses", PAUSES_SECONDS, PauseMonitor(engine, notifier, server)),
        (
            "temporary changes",
            10,
            partial(changes.sweep, engine, settings, notifier, server=server),
        ),
        (
            "versions of rules",
            rules.EVERY_SECONDS,
            partial(rules.record_versions, engine, settings),
        ),
        (
            "old bodies",
            RETENTION_SECONDS,
            partial(retention.delete_old_bodies, engine, settings.keep_bodies_days),
        ),
        (
            "follow-ups",
            follow_ups.EVERY_SECONDS,
            partial(follow_ups.remind, engine, settings, notifier, people.approvers),
        ),
        ("follow-ups on GitHub", follow_ups.EVERY_SECONDS, follow_ups.Issues(engine, settings)),
        ("names of runs to come", run_names.EVERY_SECONDS, partial(run_names.give, server)),
        ("transparency log", LOG_SECONDS, partial(_record, engine, settings)),
        ("audit streams", streams.EVERY_SECONDS, streams.Streams(engine, settings, notifier)),
    ]
    if settings.controller_metrics_port:
        show = partial(metrics.show_breakers, engine, settings.policy_path)
        table.append(("breakers", BREAKERS_SECONDS, show))
    on_news: list[Job] = [
        ("approvals", 10, partial(approvals.sweep, engine, people, server=server)),
        ("takeovers", 5, partial(takeovers.sweep, engine, notifier, server=server)),
        ("paging", 10, pager),
        ("buttons", 10, partial(buttons.sweep, engine, notifier)),
        ("ends of approved runs", 10, partial(untold.sweep, engine, notifier)),
    ]
    return [
        *(Periodic(*job) for job in table),
        *(Periodic(*job, on_news=True) for job in on_news),
        *heartbeat(engine, settings),
    ]


def _record(engine: sa.Engine, settings: Settings) -> None:
    """Bring the log up to date, by the policy of this moment."""
    Recorder(engine, settings.record_path, policy.read(settings.policy_path).audit)()


def of_senders(engine: sa.Engine, sources: Mapping[str, Source]) -> Iterator[Periodic]:
    """Yield the jobs that ask each sender for what did not arrive."""
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
        if source.silence_seconds is not None:
            expire = partial(deliveries.expire, engine, name, source.silence_seconds)
            yield Periodic(f"expiry of {name}", 5, expire)
        if isinstance(source, AlertmanagerSource) and source.watchdog is not None:
            work_of = partial(_watch, engine, name, source.watchdog, began)
            yield Periodic(f"watchdog of {name}", WATCH_SECONDS, work_of)


def _watch(engine: sa.Engine, name: str, settings: Watchdog, began: float) -> bool:
    """Watch a sender; when we were started is said by the ledger's clock, as when it was heard."""
    started_at = clock.read(engine) - timedelta(seconds=time.monotonic() - began)
    return watchdog.check(engine, name, settings, started_at)
