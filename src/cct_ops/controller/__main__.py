"""``python -m cct_ops.controller``: start runs for incidents until a signal stops it."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Mapping
from functools import partial

from cct_ops.config import contacts, yaml_files
from cct_ops.config.approvers import Approvers
from cct_ops.config.sources import AlertmanagerSource, Source, Sources
from cct_ops.controller import approvals, aside, buttons, changes, clocks, pages, quarantine
from cct_ops.controller.crashed_runs import Reaper
from cct_ops.controller.dead_mans_switch import heartbeat
from cct_ops.controller.handlers import Notification, Remediation
from cct_ops.controller.loop import Controller, Lane, Periodic
from cct_ops.controller.pauses import PAUSES_SECONDS, PauseMonitor
from cct_ops.controller.reconciling import jobs
from cct_ops.controller.routes import read_routes
from cct_ops.controller.runs import Runs
from cct_ops.controller.status_page import Announcer
from cct_ops.controller.workers import WORKERS_SECONDS, WorkerMonitor
from cct_ops.errors import OpsError
from cct_ops.ledger.engine import connect
from cct_ops.ledger.intake import deliveries, grouping, outbox
from cct_ops.people.notifier import Notifier
from cct_ops.people.paging import Pager, look
from cct_ops.people.watchdog import CONTROLLER, EVERY_SECONDS, GATEWAY, PeerWatchdog
from cct_ops.settings import Settings
from cct_ops.terminal import log_as

RUNS_AT_ONCE = 4


def watchdogs(sources: Mapping[str, Source]) -> dict[str, str]:
    """Return the name of each sender's alert that always fires."""
    return {
        name: source.watchdog.alertname
        for name, source in sources.items()
        if isinstance(source, AlertmanagerSource) and source.watchdog is not None
    }


def main() -> int:
    """Work, and say in one sentence what is wrong where that cannot be done."""
    log_as("controller")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every URL, a secret one too
    try:
        settings = Settings.load()
        engine = connect(settings.ledger_url())
        routes = read_routes(settings.routes_path)
        sources = yaml_files.load(settings.sources_path, Sources).sources
        approvers = yaml_files.load(settings.approvers_path, Approvers)
        notifier = Notifier.of(engine, settings)
        watch = PeerWatchdog(engine, CONTROLLER, GATEWAY, notifier)
        reachable = contacts.read(settings.contacts_path)
        pager = Pager(engine, reachable)
        workers = WorkerMonitor(engine, notifier)
        people = approvals.People(approvers, reachable, notifier)
        with Runs() as runs:
            remediation = Remediation(engine, routes, runs, watchdogs(sources))
            controller = Controller(
                engine,
                [
                    Lane(outbox.REMEDIATE, RUNS_AT_ONCE, remediation),
                    Lane(
                        outbox.NOTICE,
                        1,
                        Notification(engine, notifier, routes, reachable.severity_of),
                    ),
                ],
                [
                    Periodic(
                        "approvals", 5, partial(approvals.sweep, engine, people), on_news=True
                    ),
                    Periodic(
                        "end of bursts", 5, partial(grouping.begin_or_end, engine, routes.grouping)
                    ),
                    *jobs(engine, sources),
                    *(
                        Periodic(
                            f"expiry of {name}",
                            5,
                            partial(deliveries.expire, engine, name, source.silence_seconds),
                        )
                        for name, source in sources.items()
                        if source.silence_seconds is not None
                    ),
                    Periodic(
                        "reaper",
                        10,
                        Reaper(engine, notifier, settings.policy_path, settings.start_seconds),
                    ),
                    Periodic("watch over the gateway", EVERY_SECONDS, watch),
                    Periodic("severe incidents", 5, partial(pages.sweep, pager)),
                    Periodic("quarantine", 10, partial(quarantine.sweep, engine, notifier)),
                    Periodic("clocks", clocks.EVERY_SECONDS, partial(clocks.look, engine)),
                    Periodic("what is set aside", 10, partial(aside.sweep, engine, notifier)),
                    Periodic("on call", 5, pager, on_news=True),
                    Periodic("contacts", 3600, partial(look, reachable)),
                    Periodic("status page", 5, Announcer(engine, reachable)),
                    Periodic("watch over the workers", WORKERS_SECONDS, workers),
                    Periodic("pauses", PAUSES_SECONDS, PauseMonitor(engine, notifier)),
                    *heartbeat(engine, settings),
                    Periodic(
                        "temporary changes", 10, partial(changes.sweep, engine, settings, notifier)
                    ),
                    Periodic("buttons", 5, partial(buttons.sweep, engine, notifier), on_news=True),
                ],
            )
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: controller.stop())
            controller.run(lambda: print("controller: ready", flush=True))
    except OpsError as error:
        print(f"controller: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
