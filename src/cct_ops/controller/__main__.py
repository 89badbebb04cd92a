"""``python -m cct_ops.controller``: start runs for incidents until a signal stops it."""

from __future__ import annotations

import logging
import signal
import sys

import sqlalchemy as sa

from cct_ops import tracing
from cct_ops.clients.server import kept_open
from cct_ops.config import contacts, yaml_files
from cct_ops.config.approvers import Approvers
from cct_ops.config.sources import Sources
from cct_ops.controller import metrics
from cct_ops.controller.approvals import People
from cct_ops.controller.early_looks import looking_ahead
from cct_ops.controller.handlers import Notification, Remediation
from cct_ops.controller.jobs import jobs, of_senders
from cct_ops.controller.loop import Controller, Lane
from cct_ops.controller.routes import read_routes
from cct_ops.controller.runs import Runs
from cct_ops.controller.wanted_runs import watchdogs
from cct_ops.errors import OpsError
from cct_ops.exposition import serve_metrics
from cct_ops.ledger.engine import connect
from cct_ops.ledger.intake import outbox
from cct_ops.people.notifier import Notifier
from cct_ops.settings import Settings
from cct_ops.terminal import log_as

RUNS_AT_ONCE = 4


def main() -> int:
    """Work, and say in one sentence what is wrong where that cannot be done."""
    log_as("controller")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every URL, a secret one too
    try:
        settings = Settings.load()
        tracing.serve_as("cct-ops-controller")
        engine = connect(settings.ledger_url())
        routes = read_routes(settings.routes_path)
        sources = yaml_files.load(settings.sources_path, Sources).sources
        approvers = yaml_files.load(settings.approvers_path, Approvers)
        notifier = Notifier.of(engine, settings)
        reachable = contacts.read(settings.contacts_path)
        people = People(approvers, reachable, notifier)
        with Runs() as runs, kept_open() as server, looking_ahead(engine, settings) as look_ahead:
            remediation = Remediation(engine, routes, runs, watchdogs(sources), look_ahead)
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
                    *jobs(engine, settings, notifier, routes, people, server),
                    *of_senders(engine, sources),
                ],
            )
            _show_metrics(engine, settings)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: controller.stop())
            controller.run(lambda: print("controller: ready", flush=True))
        tracing.flush()
    except OpsError as error:
        print(f"controller: {error}", file=sys.stderr)
        return 1
    return 0


def _show_metrics(engine: sa.Engine, settings: Settings) -> None:
    """Let Prometheus read what the controller does, where that is wanted."""
    if settings.controller_metrics_port:
        metrics.REGISTRY.register(metrics.LedgerState(engine))
        where = settings.metrics_host, settings.controller_metrics_port
        serve_metrics(metrics.REGISTRY, *where, "CCT_OPS_CONTROLLER_METRICS_PORT")


if __name__ == "__main__":
    sys.exit(main())
