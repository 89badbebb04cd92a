"""The jobs with a real Prefect: one run for each incident, whatever is killed or restored."""

from __future__ import annotations

import asyncio
import random
import threading
import time

import psycopg
import sqlalchemy as sa

from cct_ops.ledger.engine import connect
from cct_ops.ledger.schema import dispatches
from soak import bodies, prefect
from soak.jobs import HOOK, PER_BODY, count
from soak.load import Tally, Target, send
from soak.parts import KEY, Gateway, Ledger, killed_in_the_end
from soak.prefect import Dispatcher, Prefect
from soak.report import Row

PATIENCE_SECONDS = 900


def outage(made: Ledger, *, things: int, seconds: int, times: int) -> Row:
    """Kill the dispatcher again and again, and Prefect for a third of the time."""
    gateway, server = Gateway(made), Prefect(made)
    dispatcher = Dispatcher(made, server.api_url)
    done, chance = threading.Event(), random.Random(3)  # noqa: S311 -- a moment, no secret

    def disturb() -> None:
        server.kill()
        done.wait(seconds / 3)
        server.start()
        for _ in range(times):
            if done.wait(chance.uniform(0.5, 3)):
                return
            dispatcher.kill()
            dispatcher.start()

    with killed_in_the_end(gateway, server, dispatcher):
        _start(gateway, server)
        dispatcher.start()
        killer = threading.Thread(target=disturb)
        killer.start()
        load = bodies.groups(seconds * 10, things, PER_BODY)
        tally = asyncio.run(send(Target(gateway.address, HOOK, KEY), load, per_second=10))
        killer.join()
        drained = _wait_until_settled(made, dispatcher)
        row = _row("outage", made, server, tally, things)
    note = f"Prefect gone for {seconds / 3:.0f} s, dispatcher killed {times} times"
    return _noted(row, note if drained else f"{note}; NOT DRAINED")


def storm(made: Ledger, *, things: int, seconds: int) -> Row:
    """Open far more incidents than anybody can look at."""
    gateway, server = Gateway(made), Prefect(made)
    limits = {"incidents": 60, "within_seconds": 60, "calm_seconds": 300, "runs": 10}
    dispatcher = Dispatcher(made, server.api_url, limits)
    with killed_in_the_end(gateway, server, dispatcher):
        _start(gateway, server)
        load = bodies.groups(things // PER_BODY, things, PER_BODY)
        target = Target(gateway.address, HOOK, KEY)
        dispatcher.start()
        tally = asyncio.run(send(target, load, per_second=things / PER_BODY / seconds))
        began = time.monotonic()
        drained = _wait_until_settled(made, dispatcher)
        took = time.monotonic() - began
        started = prefect.runs(server.api_url)
    lost, doubled, _ = count(made, "alertmanager", things)
    lost += 0 if drained else _pending(made)
    doubled += sum(number - 1 for number in started.values())
    note = f"{things:,} incidents in {seconds} s, {took:.0f} s later none waits"
    runs = sum(started.values())
    return Row.of("storm", tally, runs=runs, lost=lost, doubled=doubled, note=note)


def restore(made: Ledger, *, things: int) -> Row:
    """Go back to an older ledger, tell everything again, and count Prefect's runs."""
    gateway, server = Gateway(made), Prefect(made)
    dispatcher = Dispatcher(made, server.api_url)
    load = list(bodies.groups(2 * things, things, 1))
    target = Target(gateway.address, HOOK, KEY)
    with killed_in_the_end(gateway, server, dispatcher):
        _start(gateway, server)
        tally = asyncio.run(send(target, load[: things // 2], per_second=200))
        gateway.kill()
        _copy(made, "cct_ops", "last_night")
        for each in (gateway, dispatcher):
            each.start()
        gateway.wait_until_up()
        again = asyncio.run(send(target, load, per_second=200))
        _wait_until_settled(made, dispatcher)
        for each in (gateway, dispatcher):
            each.kill()
        _copy(made, "last_night", "cct_ops")
        for each in (gateway, dispatcher):
            each.start()
        gateway.wait_until_up()
        last = asyncio.run(send(target, load, per_second=200))
        _wait_until_settled(made, dispatcher)
        for one in (again, last):
            tally.sent += one.sent
            tally.accepted += one.accepted
            tally.given_up += one.given_up
            tally.seconds += one.seconds
        row = _row("restore", made, server, tally, things)
    return _noted(row, "the ledger of last night, and everything told once more")


def _start(gateway: Gateway, server: Prefect) -> None:
    for each in (gateway, server):
        each.start()
    gateway.wait_until_up()
    server.wait_until_up()
    server.deploy()


def _row(job: str, made: Ledger, server: Prefect, tally: Tally, things: int) -> Row:
    """Count by Prefect: a thing has one run, or it is lost, or doubled."""
    started = prefect.runs(server.api_url)
    lost, doubled, _ = count(made, "alertmanager", things)
    runs = sum(started.values())
    return Row.of(
        job,
        tally,
        runs=runs,
        lost=max(lost, things - len(started)) + tally.given_up,
        doubled=max(doubled, runs - things, 0),
    )


def _noted(row: Row, note: str) -> Row:
    return Row(**{**row.__dict__, "note": note})


def _pending(made: Ledger) -> int:
    with made.engine.connect() as connection:
        waiting = sa.select(sa.func.count()).where(dispatches.c.state == "pending")
        return connection.scalar(waiting) or 0


def _wait_until_settled(made: Ledger, dispatcher: Dispatcher) -> bool:
    until = time.monotonic() + PATIENCE_SECONDS
    while _pending(made):
        if time.monotonic() > until:
            print(dispatcher.said()[-2000:])  # noqa: T201 -- what a person needs to see now
            return False
        time.sleep(0.5)
    return True


def _copy(made: Ledger, source: str, target: str) -> None:
    """Replace one database by a copy of another."""
    connect(made.url).dispose()
    admin = made.server.url("postgres").replace("+psycopg", "")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {target} TEMPLATE {source}".encode())
