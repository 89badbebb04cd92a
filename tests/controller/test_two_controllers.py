"""
Several controllers on one ledger at the same moment: what each job does is done once.

Others have their tests elsewhere: rows of the outbox, leases of runs, leaves of the log, streams.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.config.contacts import Contacts
from cct_ops.config.policy import AuditPolicy
from cct_ops.controller import p0_incidents, unhandled
from cct_ops.ledger import set_aside
from cct_ops.ledger.intake import grouping, retention
from cct_ops.ledger.intake.tables import bursts, dispatches
from cct_ops.ledger.people import heartbeats
from cct_ops.ledger.people.tables import heartbeats as heartbeats_table
from cct_ops.ledger.record.log_tables import log_checkpoints
from cct_ops.people.notifier import Notifier
from cct_ops.people.paging import Pager
from cct_ops.people.watchdog import CONTROLLER, GATEWAY, Listening, PeerWatchdog
from cct_ops.record.checkpoints import Recorder
from cct_ops.record.keys import keep_key
from cct_ops.sandbox.control import SandboxControl
from tests.controller.test_quarantine import not_understood
from tests.ledger.alerts import opened

CONTROLLERS = 6


def at_once(make: Callable[[], Callable[[], object]]) -> None:
    """Let several controllers, each with a job of its own, do it at the same moment."""
    together = Barrier(CONTROLLERS)
    jobs = [make() for _ in range(CONTROLLERS)]

    def one(job: Callable[[], object]) -> None:
        together.wait()
        job()

    with ThreadPoolExecutor(CONTROLLERS) as pool:
        list(pool.map(one, jobs))


@pytest.fixture
def notifier(engine: sa.Engine, sandbox: SandboxControl) -> Notifier:
    """One that sends to the sandbox."""
    return Notifier(engine, SecretStr(f"{sandbox.base_url}/slack/incidents"))


def test_people_are_notified_once_of_what_nobody_could_read(
    engine: sa.Engine, sandbox: SandboxControl, notifier: Notifier
) -> None:
    not_understood(engine, "alertmanager", b"1", b"2")

    at_once(lambda: partial(unhandled.report_deliveries, engine, notifier))

    assert len(sandbox.slack_messages()) == 1


def test_people_are_notified_once_of_what_is_set_aside(
    engine: sa.Engine, sandbox: SandboxControl, notifier: Notifier
) -> None:
    set_aside.put(engine, "some job", "an item", "It is odd.")

    at_once(lambda: partial(unhandled.report_items, engine, notifier))

    assert len(sandbox.slack_messages()) == 1


def test_a_silent_gateway_is_reported_once(
    engine: sa.Engine, sandbox: SandboxControl, notifier: Notifier
) -> None:
    """Each controller has watched for long enough."""
    heartbeats.beat(engine, GATEWAY)
    hours = sa.text("interval '2 hours'")
    with engine.begin() as tx:
        tx.execute(sa.update(heartbeats_table).values(last_at=heartbeats_table.c.last_at - hours))
    now = heartbeats.beat(engine, CONTROLLER)
    since = now.replace(year=now.year - 1)

    def watchdog() -> PeerWatchdog:
        listening = Listening(since=since, last=now)
        return PeerWatchdog(engine, CONTROLLER, GATEWAY, notifier, listening=listening)

    at_once(watchdog)

    assert len(sandbox.slack_messages()) == 1


def test_whoever_is_on_call_is_paged_once_about_an_incident(
    engine: sa.Engine, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGES_ANNA", f"{sandbox.base_url}/slack/anna")
    first = {"id": "anna", "webhook": {"env": "PAGES_ANNA"}}
    contacts = Contacts.model_validate({"contacts": [first], "severities": {"P0": ["critical"]}})
    for _ in range(3):
        opened(engine, severity="critical")
    with engine.begin() as tx:  # what is not routed yet waits some seconds for that
        tx.execute(sa.update(dispatches).values(state="notified"))

    at_once(lambda: partial(p0_incidents.page_about_new, Pager(engine, contacts)))

    assert len(sandbox.slack_messages()) == 3


def test_the_log_is_signed_once(engine: sa.Engine, tmp_path: Path) -> None:
    """Two checkpoints over the same leaves would be two signatures for one state."""
    keep_key(tmp_path)
    opened(engine)

    at_once(lambda: Recorder(engine, tmp_path, AuditPolicy()))

    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(log_checkpoints)) == 1


def test_a_burst_begins_once_and_old_bodies_are_deleted_once(engine: sa.Engine) -> None:
    for _ in range(20):
        opened(engine)
    limits = grouping.GroupingLimits(incidents=10)
    deleted = list[int]()

    at_once(lambda: partial(grouping.begin_or_end, engine, limits))
    at_once(lambda: lambda: deleted.append(retention.delete_old_bodies(engine, 0.0)))

    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(bursts)) == 1
    assert sum(deleted) == 20
