"""The stack under many incidents at once, and with a long history."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import psycopg
import sqlalchemy as sa
from psycopg import sql

from cct_ops.ledger.gate.tables import run_reads
from cct_ops.stack.prefect_server import api_client
from evaluation.benchmarks.rest import cpu_seconds
from evaluation.benchmarks.starts import on_the_wall, states
from evaluation.benchmarks.system import System

_PATIENCE_SECONDS = 300.0


def at_once(system: System, incidents: int) -> dict[str, Any]:
    """Send that many alerts at the same time; returns how they ended, and what each cost."""
    used = cpu_seconds(system)
    began = time.time()
    with UiProbe(system, first_page) as watch, ThreadPoolExecutor(min(incidents, 32)) as senders:
        found = list(senders.map(lambda _: system.alert(), range(incidents)))
        answered = time.time() - began
        until = time.monotonic() + _PATIENCE_SECONDS
        ended = [run for incident in found if (run := _completed(system, incident, until))]
        all_ended = time.time() - began
    cpu = {part: (now - used[part]) / incidents for part, now in cpu_seconds(system).items()}
    starts = sorted(states(system, run)["Running"] - began for run in ended)
    firsts = sorted(_first_get(system, run) - began for run in ended)
    return {
        "incidents": incidents,
        "lost": incidents - len(ended),
        "all_answered_seconds": answered,
        "median_first_get_seconds": statistics.median(firsts),
        "last_first_get_seconds": firsts[-1],
        "last_begun_seconds": starts[-1],
        "all_ended_seconds": all_ended,
        "ui_median_seconds": statistics.median(watch.seconds),
        "ui_worst_seconds": max(watch.seconds),
        "ui_unanswered": watch.unanswered,
        "cpu_seconds_per_run": cpu,
    }


def _first_get(system: System, run: UUID) -> float:
    """
    Return when the first GET arrived whose answer a run has taken.

    The ledger knows which it was and when its slot was granted, whether the run sent it, another
    run, or the controller ahead of it; the sink knows when it arrived then.
    """
    taken = (
        sa.select(run_reads.c.key, run_reads.c.began_at)
        .where(run_reads.c.run_id == run)
        .order_by(run_reads.c.began_at)
        .limit(1)
    )
    with system.ledger.connect() as connection:
        key, granted = connection.execute(taken).one()
    arrival = system.journal.first(granted.timestamp() - on_the_wall(0), naming=key.split()[0])
    return on_the_wall(arrival.at)


def _completed(system: System, incident: UUID, until: float) -> UUID | None:
    """Return the run of an incident once it has completed; None if that does not come about."""
    try:
        run = system.run_of(incident, max(1.0, until - time.monotonic()))
        return run if system.ended(run, max(1.0, until - time.monotonic())) == "COMPLETED" else None
    except TimeoutError:
        return None


def intake(system: System, deliveries: int) -> dict[str, float]:
    """Send deliveries, each an incident that only notifies, as fast as eight senders can."""
    url, key = system.urls["hook"], system.key
    headers = {"Authorization": f"Bearer {key}"}

    def send(number: int) -> float:
        labels = {"alertname": "Intake", "id": str(number)}
        alert = {"status": "firing", "labels": labels, "startsAt": "2026-01-01T00:00:00Z"}
        began = time.monotonic()
        body = {"version": "4", "alerts": [alert]}
        system.http.post(url, json=body, headers=headers).raise_for_status()
        return time.monotonic() - began

    began = time.monotonic()
    with ThreadPoolExecutor(8) as senders:
        took = sorted(senders.map(send, range(deliveries)))
    sent = time.monotonic() - began
    system.nothing_waits()
    return {
        "deliveries": deliveries,
        "per_second": deliveries / sent,
        "all_notified_seconds": time.monotonic() - began,
        "median_seconds": statistics.median(took),
        "p99_seconds": took[int(len(took) * 0.99)],
    }


def add_history(database_url: str, runs: int) -> None:
    """Put finished runs into Prefect's history: copies of the latest one, over the last 30 days."""
    url = database_url.replace("+asyncpg", "")
    with psycopg.connect(url) as database:
        run, state = (_columns(database, table) for table in ("flow_run", "flow_run_state"))
        ago = sql.SQL("number * interval '30 days' / {}").format(runs)
        made: dict[str, sql.Composable] = {
            "id": sql.SQL("new_id"),
            "state_id": sql.SQL("null"),
            "idempotency_key": sql.SQL("null"),
            "name": sql.SQL("'history ' || number"),
            **{
                name: sql.SQL("{} - {}").format(sql.Identifier(name), ago)
                for name in ("start_time", "end_time", "expected_start_time", "created", "updated")
            },
        }
        database.execute(
            sql.SQL(
                "create temporary table new as select number, gen_random_uuid() as new_id,"
                " gen_random_uuid() as new_state from generate_series(1, {}) as number"
            ).format(runs)
        )
        latest = sql.SQL(
            "(select * from flow_run where state_type = 'COMPLETED'"
            " order by end_time desc limit 1) latest"
        )
        database.execute(_copy("flow_run", run, made, sql.SQL("new, {}").format(latest)))
        final = sql.SQL(
            "new, (select flow_run_state.* from flow_run_state join {} on latest.state_id"
            " = flow_run_state.id) final"
        ).format(latest)
        about = {"id": sql.SQL("new_state"), "flow_run_id": sql.SQL("new_id")}
        database.execute(_copy("flow_run_state", state, about, final))
        database.execute(
            "update flow_run set state_id = new.new_state from new where flow_run.id = new.new_id"
        )
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("analyze")


def _columns(database: psycopg.Connection[Any], table: str) -> list[str]:
    query = (
        "select column_name from information_schema.columns where table_name = %s"
        " and is_generated = 'NEVER' and table_schema = 'public'"
    )
    return [name for (name,) in database.execute(query, (table,))]


def _copy(
    table: str, columns: list[str], made: Mapping[str, sql.Composable], source: sql.Composable
) -> sql.Composed:
    values = [made.get(name, sql.Identifier(name)) for name in columns]
    return sql.SQL("insert into {} ({}) select {} from {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(values),
        source,
    )


def first_page(prefect: httpx.Client) -> httpx.Response:
    """Ask what the UI asks for its first page."""
    page = {"limit": 20, "sort": "START_TIME_DESC"}
    return prefect.post("/flow_runs/filter", json=page)


class UiProbe:
    """Asks Prefect's server the same again and again, four times a second at most."""

    def __init__(self, system: System, ask: Callable[[httpx.Client], httpx.Response]) -> None:
        self.seconds: list[float] = []
        self.unanswered = 0
        self._env = system.env
        self._question = ask
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> UiProbe:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _ask(self) -> None:
        with api_client(self._env, 60) as http:
            while not self._done.is_set():
                began = time.monotonic()
                try:
                    self._question(http).raise_for_status()
                except httpx.HTTPError:
                    self.unanswered += 1
                self.seconds.append(time.monotonic() - began)
                self._done.wait(0.25)
