"""The jobs without Prefect: how fast the gateway is, and that it keeps what it accepts."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import sqlalchemy as sa

from cct_ops.beside import beside
from cct_ops.ledger.intake.tables import dispatches, incidents
from cct_ops.stack.postgres import free_port
from evaluation.soak import bodies
from evaluation.soak.load import Tally, Target, send
from evaluation.soak.parts import KEY, Gateway, Ledger, Process, running
from evaluation.soak.report import Row

PER_BODY = 5
FOR_EVER = 1_000_000  # attempts: an Alertmanager does not give up while its alert is there
HOOK = "/hooks/alertmanager"

_FLOOR = """
import uvicorn
from fastapi import FastAPI, Request
app = FastAPI()
@app.post("/hooks/{source}", status_code=202)
async def receive(source: str, request: Request):
    await request.body()
    return {"incidents": []}
uvicorn.run(app, port=PORT, access_log=False, log_level="warning")
"""


def floor(made: Ledger, *, seconds: int, per_second: int = 400) -> Row:
    """Send to a bare endpoint that stores nothing: what this machine can do at best."""
    port = free_port()
    command = [sys.executable, "-c", _FLOOR.replace("PORT", str(port))]
    docs = f"http://127.0.0.1:{port}/docs"
    with running(Process(command, {}, made.folder / "floor.log", docs)):
        target = Target(lambda: ("127.0.0.1", port), HOOK, KEY)
        load = bodies.groups(seconds * per_second, 500, PER_BODY)
        tally = asyncio.run(send(target, load, per_second=per_second))
    return Row.of("floor", tally, runs=0, lost=0, doubled=0, note="a bare endpoint, stores nothing")


def flood(made: Ledger, *, seconds: int, per_second: int = 400, things: int = 500) -> Row:
    """Send thousands of alerts a second, while another sender sends a few as well."""
    gateway = Gateway(made)
    other = Tally()

    async def both() -> Tally:
        load = bodies.groups(seconds * per_second, things, PER_BODY)
        few = bodies.groups(seconds * 5, things, 1, seed=2)
        main = send(Target(gateway.address, HOOK, KEY), load, per_second=per_second)
        beside = send(Target(gateway.address, "/hooks/another", KEY), few, per_second=5)
        tally, found = await asyncio.gather(main, beside)
        other.seconds += found.seconds
        return tally

    with running(gateway):
        tally = asyncio.run(both())
        used = 1000 * gateway.cpu_seconds() / max(1, tally.sent)
    note = (
        f"{per_second * PER_BODY:,} alerts/s, {used:.1f} ms of the gateway's processor for"
        f" {PER_BODY}; another source's p99 {other.percentile(0.99):.0f} ms"
    )
    return counted("flood", made, tally, things, note)


def kills(made: Ledger, *, deliveries: int, times: int, things: int, per_second: int = 150) -> Row:
    """Kill the gateway at random moments while its sender goes on and repeats."""
    gateway = Gateway(made)
    target = Target(gateway.address, HOOK, KEY)
    load = bodies.groups(deliveries, things, PER_BODY)
    killed = 0

    def kill(over: threading.Event) -> None:
        nonlocal killed
        chance = random.Random(7)  # noqa: S311 -- a moment, no secret
        while killed < times and not over.wait(chance.uniform(0.1, 1.0)):
            gateway.kill()
            killed += 1
            gateway.start_and_wait()

    with running(gateway), beside(kill):
        tally = asyncio.run(send(target, load, per_second=per_second, retries=FOR_EVER))
    row = counted("kills", made, tally, things, f"gateway killed {killed} times")
    # Whatever was answered with 202 names incidents that must be there.
    with made.engine.connect() as connection:
        there = {str(each) for each in connection.scalars(sa.select(incidents.c.id))}
    return replace(row, lost=row.lost + len(tally.incidents - there))


def same(made: Ledger, *, copies: int, things: int) -> Row:
    """Send the same alerts through two gateways at the same moment, many times each."""
    gateways = [Gateway(made, f"gateway-{n}") for n in range(2)]
    each = [bodies.body([alert]) for alert in bodies.alerts(things)]

    async def everything() -> Tally:
        loads = [
            send(
                Target(gateway.address, HOOK, KEY),
                (body + b" " * copy for copy in range(copies // 2) for body in each),
                per_second=1e9,
                connections=100,
            )
            for gateway in gateways
        ]
        first, second = await asyncio.gather(*loads)
        first.sent += second.sent
        first.accepted += second.accepted
        first.given_up += second.given_up
        first.seconds += second.seconds
        return first

    with running(*gateways):
        tally = asyncio.run(everything())
    return counted("same", made, tally, things, f"{copies} copies of {things} alerts at once")


def slow(made: Ledger, *, connections: int, seconds: int) -> Row:
    """Hold connections on which a body comes byte by byte, while another sender goes on."""
    gateway = Gateway(made)
    lasted = list[float]()

    async def trickle() -> None:
        began, body = time.monotonic(), b" " * 1000
        reader, writer = await asyncio.open_connection(*gateway.address())
        writer.write(Target(gateway.address, HOOK, KEY).request(body).removesuffix(body))
        with suppress(OSError):
            while not reader.at_eof():
                writer.write(b" ")
                await writer.drain()
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await reader.read(1000)
        writer.close()
        lasted.append(time.monotonic() - began)

    async def everything() -> Tally:
        load = bodies.groups(seconds * 50, 100, PER_BODY)
        quick = send(Target(gateway.address, "/hooks/another", KEY), load, per_second=50)
        slowly = asyncio.gather(*(trickle() for _ in range(connections)))
        tally, _ = await asyncio.gather(quick, slowly)
        return tally

    with running(gateway):
        tally = asyncio.run(everything())
    note = f"{connections} connections with a byte a second, each cut after {max(lasted):.0f} s"
    return counted("slow", made, tally, 100, note, source="another")


def counted(
    job: str, made: Ledger, tally: Tally, things: int, note: str, *, source: str = "alertmanager"
) -> Row:
    """Return the row of a job by the ledger; what its sender gave up on is lost."""
    lost, doubled, runs = count(made, source, things)
    return Row.of(job, tally, runs=runs, lost=lost + tally.given_up, doubled=doubled, note=note)


def count(made: Ledger, source: str, things: int) -> tuple[int, int, int]:
    """Return how many things have no incident, how many have two, and the runs asked for."""
    with made.engine.connect() as connection:
        names = sa.select(incidents.c.labels["instance"].astext).where(incidents.c.source == source)
        found = Counter(connection.scalars(names))
        asked = connection.scalar(
            sa.select(sa.func.count(sa.distinct(dispatches.c.incident_id)))
            .join(incidents, incidents.c.id == dispatches.c.incident_id)
            .where(incidents.c.source == source)
        )
    lost = sum(f"web-{number}" not in found for number in range(things))
    return lost, sum(number - 1 for number in found.values()), asked or 0
