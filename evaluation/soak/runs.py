"""The jobs with a real Prefect: one run for each incident, whatever is killed or restored."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from dataclasses import replace
from functools import partial

import psycopg
import sqlalchemy as sa

from cct_ops.beside import beside
from cct_ops.ledger.engine import connect
from cct_ops.ledger.intake.tables import dispatches
from evaluation.soak import bodies, jobs, prefect
from evaluation.soak.jobs import HOOK, PER_BODY, count
from evaluation.soak.load import Tally, Target, send
from evaluation.soak.parts import KEY, Gateway, Ledger, killed_in_the_end, running
from evaluation.soak.prefect import Controller, Prefect, starting_runs
from evaluation.soak.report import Row

PATIENCE_SECONDS = 1200  # ten times what it takes on a machine that does nothing else


def kills(made: Ledger, *, deliveries: int, times: int, things: int) -> Row:
    """Kill the gateway again and again under load, and count the runs in the end."""
    with starting_runs(made) as (server, controller):
        row = jobs.kills(made, deliveries=deliveries, times=times, things=things)
        _settle(made, controller, PATIENCE_SECONDS)
        started = prefect.runs(server.api_url)
    runs = sum(started.values())
    lost = max(row.lost, things - len(started))
    return replace(row, runs=runs, lost=lost, doubled=max(row.doubled, runs - len(started)))


def outage(made: Ledger, *, things: int, seconds: int, times: int) -> Row:
    """Let Prefect hang, then answer 500, then be gone; the controller is killed all the while."""
    gateway = Gateway(made)
    chance = random.Random(3)  # noqa: S311 -- a moment, no secret

    def disturb(over: threading.Event) -> None:
        for _ in range(times):
            if over.wait(chance.uniform(0.5, 1.5) * seconds / (times + 1)):
                return
            controller.kill()
            controller.start()

    with starting_runs(made, gateway) as (server, controller):
        load = bodies.groups(seconds * 10, things, PER_BODY)
        with beside(disturb), beside(partial(_fail, server, seconds / 3)):
            tally = asyncio.run(send(Target(gateway.address, HOOK, KEY), load, per_second=10))
        server.start_and_wait()
        took = _settle(made, controller, 2 * seconds)
        row = _row("outage", made, server, tally, things)
    kinds = f"Prefect hangs, answers 500 and is gone, {seconds / 3:.0f} s each"
    note = f"{kinds}; controller killed {times} times; {took:.0f} s later none waits"
    return replace(row, note=note)


def burst(made: Ledger, *, things: int, seconds: int) -> Row:
    """Open far more incidents than anybody can look at."""
    gateway = Gateway(made)
    limits = {"incidents": 60, "within_seconds": 60, "calm_seconds": 300, "runs": 10}
    waiting = [0]

    def watch(over: threading.Event) -> None:
        while not over.wait(1):
            waiting.append(_pending(made))

    with starting_runs(made, gateway, grouping=limits) as (server, controller):
        load = bodies.groups(things // PER_BODY, things, PER_BODY)
        target = Target(gateway.address, HOOK, KEY)
        with beside(watch):
            tally = asyncio.run(send(target, load, per_second=things / PER_BODY / seconds))
            took = _settle(made, controller, PATIENCE_SECONDS)
        given = prefect.given(server.api_url)
    lost, doubled, _ = count(made, "alertmanager", things)
    started = [run["parameters"] for run in given]
    looking = [run["target"] for run in started if run["mode"] == "observe"]
    before = len(given) - len(looking)
    # Before it is seen to be a burst some may have a run of their own; then a group has one.
    doubled += len(looking) - len(set(looking)) + max(0, before - int(limits["incidents"]))
    note = (
        f"{things:,} incidents in {seconds} s: {before} runs before it was seen, then"
        f" {len(looking)} that only look; at most {max(waiting):,} waited, {took:.0f} s later none"
    )
    lost += tally.given_up + _pending(made)
    return Row.of("burst", tally, runs=len(given), lost=lost, doubled=doubled, note=note)


def restore(made: Ledger, *, things: int) -> Row:
    """Set the ledger back, then Prefect, send everything again, and count Prefect's runs."""
    gateway, server = Gateway(made), Prefect(made)
    controller = Controller(made, server.api_url)
    ours = (gateway, controller)
    load = list(bodies.groups(2 * things, things, 1))
    target = Target(gateway.address, HOOK, KEY)

    def send_all(sent: list[bytes]) -> Tally:
        for each in ours:
            each.start()
        gateway.wait_until_up()
        tally = asyncio.run(send(target, sent, per_second=200))
        _settle(made, controller, PATIENCE_SECONDS)
        for each in ours:
            each.kill()
        return tally

    with running(server), killed_in_the_end(*ours):
        server.deploy()
        tallies = [send_all(load[: things // 2])]
        server.kill()
        _copy(made, "cct_ops", "last_night")
        _copy(made, "prefect", "prefect_last_night")
        server.start_and_wait()
        tallies.append(send_all(load))
        _copy(made, "last_night", "cct_ops")
        tallies.append(send_all(load))
        row = _row("restore", made, server, tallies[0], things)
        server.kill()
        _copy(made, "prefect_last_night", "prefect")
        server.start_and_wait()
        tallies.append(send_all(load))
        # The ledger knows that they had their run; that Prefect forgot it starts no second one.
        again = len(prefect.runs(server.api_url)) - things // 2
    return replace(
        row,
        sent=sum(each.sent for each in tallies),
        accepted=sum(each.accepted for each in tallies),
        lost=row.lost + sum(each.given_up for each in tallies[1:]),
        doubled=row.doubled + abs(again),
        note="the ledger of last night, then Prefect's, and everything sent once more",
    )


def _fail(server: Prefect, seconds: float, _over: threading.Event) -> None:
    """Be away in three ways, without a moment of health in between."""
    server.hang(hangs=True)
    time.sleep(seconds)
    server.open_database(opened=False)
    server.hang(hangs=False)
    time.sleep(seconds)
    server.kill()
    server.open_database(opened=True)
    time.sleep(seconds)


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


def _pending(made: Ledger) -> int:
    with made.engine.connect() as connection:
        waiting = sa.select(sa.func.count()).where(dispatches.c.state == "pending")
        return connection.scalar(waiting) or 0


def _settle(made: Ledger, controller: Controller, patience_seconds: float) -> float:
    """Wait until no row waits; returns how long that took, and prints it if it took too long."""
    began = time.monotonic()
    while waiting := _pending(made):
        if time.monotonic() - began > patience_seconds:
            print(f"soak: {waiting} rows still wait\n{controller.output()[-2000:]}")  # noqa: T201
            break
        time.sleep(0.5)
    return time.monotonic() - began


def _copy(made: Ledger, source: str, target: str) -> None:
    """Replace one database by a copy of another."""
    connect(made.url).dispose()
    admin = made.server.url("postgres").replace("+psycopg", "")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {target} TEMPLATE {source}".encode())
