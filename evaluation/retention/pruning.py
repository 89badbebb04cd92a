"""The pruning of a long history by the stack's own parts, and what alerts feel of it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import sqlalchemy as sa

from cct_ops.ledger.intake.outbox import REMEDIATE
from cct_ops.ledger.intake.tables import deliveries, dispatches
from cct_ops.models.base import Frozen
from cct_ops.sandbox.control import SandboxControl
from cct_ops.stack.postgres import EmbeddedPostgres
from evaluation.benchmarks.sides import ROUTE, Alert
from evaluation.benchmarks.system import System, incident_of
from evaluation.soak.bodies import body
from evaluation.soak.load import Tally, Target, send

_KEPT = "history.json"
_EVERY_SECONDS = 5.0
_PROGRESS = 12
_THINGS = 50  # that fire; ten of them are what a playbook is for

# What is older than it is kept, and is still there.
_LEFT = {
    "runs": "select exists(select from flow_run where end_time < now() - interval '90 days')",
    "logs": "select exists(select from log where timestamp < now() - interval '90 days')",
    "artifacts": "select exists(select from artifact where created < now() - interval '90 days')",
    "events": "select exists(select from events where occurred < now() - interval '7 days')",
}
_BODIES = """select exists(select from deliveries where body is not null
    and status in ('accepted', 'ignored') and received_at < now() - interval '90 days')"""
_SIZES = "select relname, pg_total_relation_size(oid) from pg_class where relname = any(%s)"
_TABLES = {
    "prefect": [
        *("flow_run", "flow_run_state", "task_run", "task_run_state", "log", "artifact"),
        *("events", "event_resources"),
    ],
    "ledger": ["deliveries"],
}

Connection = psycopg.Connection[Any]


class One(Frozen):
    """The run that all are copies of, its incident, and the alert that it was for."""

    incident: UUID
    run: UUID
    alert: str


@dataclass
class Pruned:
    """What came of it."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    took: dict[str, float]
    left: list[str]
    pruning: Tally
    calm: Tally
    lost: int
    runs: int
    sizes: dict[str, tuple[int, int]]


def a_run(stack: System) -> One:
    """Let an alert lead to a repair, and wait until Prefect has recorded all of it."""
    with SandboxControl(stack.urls["cct"]) as sandbox:
        sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    alert = json.dumps(Alert("Repair", uuid4().hex).body)
    incident = incident_of(_post(stack, alert))
    run = stack.run_of(incident)
    stack.ended(run)
    stack.probes(run)
    time.sleep(5)  # its events are written some seconds after it
    return One(incident=incident, run=run, alert=alert)


def made(folder: Path) -> One | None:
    """Return the run whose copies are there already, if they are."""
    kept = folder / _KEPT
    return One.model_validate_json(kept.read_bytes()) if kept.exists() else None


def keep(folder: Path, one: One) -> None:
    """Note that all its copies are there."""
    (folder / _KEPT).write_text(one.model_dump_json())


@contextmanager
def databases(folder: Path) -> Iterator[tuple[Connection, Connection]]:
    """Run the stack's PostgreSQL alone; yields Prefect's database and the ledger."""
    with EmbeddedPostgres(folder / "postgres") as server, _both(server.url) as both:
        yield both


@contextmanager
def _both(url: Callable[[str], str]) -> Iterator[tuple[Connection, Connection]]:
    places = [url(name).replace("+psycopg", "") for name in ("prefect", "cct_ops")]
    with (
        psycopg.connect(places[0], autocommit=True) as prefect,
        psycopg.connect(places[1], autocommit=True) as ledger,
    ):
        yield prefect, ledger


def make_old(prefect: Connection, ledger: Connection, one: One, tasks: int | None) -> None:
    """Let the run be older than it is kept, and have had so many tasks at most."""
    if tasks is not None:
        prefect.execute(
            "delete from task_run where id in (select id from task_run where flow_run_id = %s"
            " order by id offset %s)",
            (one.run, tasks),
        )
    for table, moment, of in (
        ("flow_run", "end_time", "id"),
        ("log", "timestamp", "flow_run_id"),
        ("artifact", "created", "flow_run_id"),
    ):
        query = f"update {table} set {moment} = {moment} - interval '91 days' where {of} = %s"  # noqa: S608
        prefect.execute(query.encode(), (one.run,))
    ledger.execute(
        "update deliveries set received_at = received_at - interval '91 days'"
        " where id in (select delivery_id from alerts where incident_id = %s)",
        (one.incident,),
    )


def prune(
    stack: System,
    one: One,
    per_second: float,
    seconds: tuple[float, float],
    say: Callable[[str], None],
) -> Pruned:
    """
    Send alerts until all that is old was deleted, and for a while after that.

    ``seconds`` are for how long at least, which is also that while, and at most.
    """
    before, began = account(stack, one), datetime.now(UTC)
    with _both(_databases_of(stack)) as (prefect, ledger):
        sizes = _sizes(prefect, ledger)
        over, said = threading.Event(), _Alerts(stack, per_second)
        with ThreadPoolExecutor(1) as sender:
            sent = sender.submit(said.until, over)
            try:
                took, left = _watched(prefect, ledger, seconds, say)
            finally:
                over.set()
            pruning = sent.result()
        after = account(stack, one)
        _post(stack, one.alert)
        calm = said.for_seconds(seconds[0])
        with suppress(TimeoutError):
            stack.nothing_waits()
        now = _sizes(prefect, ledger)
    with stack.ledger.connect() as connection:
        stored = sa.select(sa.func.count()).where(deliveries.c.received_at >= began)
        runs = sa.select(sa.func.count()).where(
            dispatches.c.incident_id == one.incident, dispatches.c.purpose == REMEDIATE
        )
        lost = pruning.accepted + calm.accepted - connection.execute(stored).scalar_one()
        known = connection.execute(runs).scalar_one()
    made = stack.api(
        "POST", "/flow_runs/count", {"flow_runs": {"tags": {"all_": [f"incident:{one.incident}"]}}}
    )
    both = {name: (sizes[name], now[name]) for name in sizes}
    return Pruned(before, after, took, left, pruning, calm, lost, known + made, both)


def account(stack: System, one: One) -> dict[str, Any]:
    """Return what the commands tell of the incident; what Prefect has of its runs is left out."""
    program = Path(sys.executable).with_name("cct-ops")
    environment = os.environ | stack.env
    told = {}
    for command in ("incident", "why"):
        argv = [str(program), command, str(one.incident), "--json"]
        done = subprocess.run(  # noqa: S603 -- our own program
            argv, env=environment, check=True, capture_output=True, text=True
        )
        told[command] = json.loads(done.stdout)
    del told["incident"]["read_at"]
    for run in told["incident"]["runs"]:
        del run["link"], run["state"]
    return told


class _Alerts:
    """Alerts that repeat themselves, as Alertmanager's do: each body is another one."""

    def __init__(self, stack: System, per_second: float) -> None:
        self._target = Target.at(stack.urls["hook"], stack.key)
        self._per_second = per_second
        self._began = datetime.now(UTC).isoformat()

    def until(self, over: threading.Event) -> Tally:
        """Send until it is over."""
        return self._sent(iter(over.is_set, True))

    def for_seconds(self, seconds: float) -> Tally:
        """Send for so long."""
        return self._sent(iter(range(round(seconds * self._per_second))))

    def _sent(self, turns: Iterator[object]) -> Tally:
        bodies = (self._body(number) for number, _ in enumerate(turns))
        return asyncio.run(send(self._target, bodies, per_second=self._per_second, retries=100))

    def _body(self, number: int) -> bytes:
        thing = number % _THINGS
        name = "Benchmark" if thing < _THINGS // 5 else "NobodyKnows"
        labels = {"alertname": name, "route": ROUTE.value, "id": f"thing-{thing}"}
        alert: dict[str, object] = {"status": "firing", "labels": labels, "startsAt": self._began}
        return body([alert], uuid4().hex)


def _watched(
    prefect: Connection,
    ledger: Connection,
    seconds: tuple[float, float],
    say: Callable[[str], None],
) -> tuple[dict[str, float], list[str]]:
    """Wait until nothing old is left; returns when each kind was gone, and what is still there."""
    began, took, turns = time.monotonic(), dict[str, float](), 0
    asked = {name: (prefect, query) for name, query in _LEFT.items()} | {
        "bodies": (ledger, _BODIES)
    }
    at_least, at_most = seconds
    while len(took) < len(asked) or time.monotonic() - began < at_least:
        for name, (where, query) in asked.items():
            if name not in took and not (where.execute(query.encode()).fetchone() or (0,))[0]:
                took[name] = time.monotonic() - began
                say(f"{name}: no old ones are left after {took[name]:.0f} s")
        if time.monotonic() - began > at_most:
            break
        if turns % _PROGRESS == 0:
            counted = "select relname, n_tup_del from pg_stat_user_tables where relname = any(%s)"
            gone = prefect.execute(counted, (_TABLES["prefect"],)).fetchall()
            say(f"{time.monotonic() - began:.0f} s, deleted: {dict(sorted(gone))}")
        turns += 1
        time.sleep(_EVERY_SECONDS)
    return took, [name for name in asked if name not in took]


def _sizes(prefect: Connection, ledger: Connection) -> dict[str, int]:
    found = dict(prefect.execute(_SIZES, (_TABLES["prefect"],)).fetchall())
    return found | dict(ledger.execute(_SIZES, (_TABLES["ledger"],)).fetchall())


def _databases_of(stack: System) -> Callable[[str], str]:
    """Return the URL of each database of the stack."""
    url = sa.make_url(stack.env["CCT_OPS_DATABASE_URL"])
    return lambda name: url.set(database=name).render_as_string(hide_password=False)


def _post(stack: System, alert: str) -> Any:
    headers = {"Authorization": f"Bearer {stack.key}", "Content-Type": "application/json"}
    return stack.http.post(stack.urls["hook"], content=alert, headers=headers).raise_for_status()
