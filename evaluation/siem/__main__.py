"""
``python -m evaluation.siem``: an endpoint is down for five minutes, and a controller dies.

The controller is the real program, killed with -9 twice while its endpoint is down and things go on
happening. Then everything must be there: each event, in the order of the log, at the endpoint and
in a file. ``speed`` measures how fast a stream catches up.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import sqlalchemy as sa
import yaml
from cyclopts import App, Parameter

from cct_ops.config.audit_streams import StreamPlace
from cct_ops.ledger.record import log, streams
from cct_ops.ledger.record.tables import decisions
from cct_ops.record.keys import keep_key
from cct_ops.record.sequencer import sequence
from cct_ops.record.stream.turn import take_turn
from cct_ops.stack.postgres import free_port
from evaluation.siem.receiver import first_copies, received
from evaluation.soak.parts import Ledger, Process, ledger

INCIDENTS = 20
PER_SECOND = 10
_WORDS = "The error rate of the canary is 4.1 % over 50 samples, above its threshold of 1 %. " * 6

app = App(help="Stream audit events to an endpoint that is down while controllers are killed.")


@app.default
def main(
    *, down: Annotated[float, Parameter(help="For how many seconds the endpoint is down.")] = 300
) -> int:
    """Take about half a minute longer than the endpoint is down."""
    with ledger() as place:
        port, taken, file = free_port(), place.folder / "taken", place.folder / "audit.jsonl"
        environment = _environment(place, port, file)
        endpoint = _program("evaluation.siem.receiver", str(port), str(taken), log=place.folder)
        controller = _program("cct_ops.controller", log=place.folder, **environment)
        try:
            with _happening(place.engine):
                endpoint.start()
                controller.start()
                _until(lambda: len(list(received(taken))) >= PER_SECOND)
                endpoint.kill()
                began = time.perf_counter()
                for share in (1, 2):
                    time.sleep(max(0.0, began + share * down / 3 - time.perf_counter()))
                    controller.kill()
                    controller.start()
                time.sleep(max(0.0, began + down - time.perf_counter()))
                waited = streams.progress(place.engine)[-1].behind_events
                endpoint.start()
                back = time.perf_counter()
                _until(lambda: streams.progress(place.engine)[-1].behind_seconds < 10)
                took = time.perf_counter() - back
            _until(lambda: not any(each.behind_events for each in streams.progress(place.engine)))
        finally:
            endpoint.kill()
            controller.kill()
        _say(f"endpoint down for {back - began:.0f} s, controller killed twice meanwhile")
        _say(f"{waited} events waited, and were there {took:.1f} s after it was back")
        size = log.size(place.engine)
        wrong = [judged(name, path, size) for name, path in (("http", taken), ("file", file))]
    return int(any(wrong))


@app.command
def speed(*, leaves: int = 100_000) -> int:
    """Measure how many events a second leave, over HTTP and into a file."""
    with ledger() as place:
        fill(place.engine, leaves)
        port, taken = free_port(), place.folder / "taken"
        endpoint = _program("evaluation.siem.receiver", str(port), str(taken), log=place.folder)
        endpoint.start()
        _until(taken.exists)
        siem = StreamPlace(name="siem", http=f"http://127.0.0.1:{port}/")
        try:
            for each in (siem, StreamPlace(name="archive", file=place.folder / "audit.jsonl")):
                before = time.process_time()
                seconds = sent_in(place.engine, place.folder, each, leaves)
                used = time.process_time() - before
                rate = f"{leaves / seconds:.0f} a second, with {used:.1f} s of a processor"
                _say(f"{each.kind}: {leaves} events in {seconds:.1f} s, {rate}")
        finally:
            endpoint.kill()
        size = (place.folder / "audit.jsonl").stat().st_size
        _say(f"an event is {size / leaves:.0f} bytes on average")
    return 0


def sent_in(engine: sa.Engine, folder: Path, stream: StreamPlace, leaves: int) -> float:
    """Return how many seconds a stream takes for so many leaves."""
    streams.record_named(engine, {stream.name: True})
    began = time.perf_counter()
    with streams.sending(engine, stream.name) as cursor:
        while cursor is not None and cursor.position < leaves:
            take_turn(cursor, stream, "cct-ops.log/c0ffee00", folder)
    return time.perf_counter() - began


def fill(engine: sa.Engine, leaves: int) -> None:
    """Let so many things have happened."""
    incidents = [uuid4() for _ in range(INCIDENTS)]
    for begin in range(0, leaves, 1000):
        decide(
            engine, [incidents[at % INCIDENTS] for at in range(begin, min(begin + 1000, leaves))]
        )
    sequence(engine)


def decide(engine: sa.Engine, incidents: list[UUID]) -> None:
    """Let something have been decided about each incident."""
    rows = [
        {
            "run_id": uuid4(),
            "incident_id": incident,
            "playbook": "auto-rollback",
            "target": "/daily-summary",
            "mode": "auto",
            "verdict": "permitted",
            "reason": _WORDS,
            "headline": "The canary is off.",
            "severity": "P1",
            "evidence": [],
            "plan": {},
            "plan_digest": "0" * 64,
        }
        for incident in incidents
    ]
    with engine.begin() as tx:
        tx.execute(sa.insert(decisions), rows)


def judged(name: str, file: Path, size: int) -> bool:
    """Say how many are missing or out of order; True if any is."""
    kept = first_copies(file)
    positions = [int(each["sequence"]) for each in kept]
    copies = len(list(received(file))) - len(kept)
    missing = sorted(set(range(size)) - set(positions))
    unordered = sum(after < before for before, after in itertools.pairwise(positions))
    about: dict[str, list[int]] = {}
    for each in kept:
        about.setdefault(each.get("subject", ""), []).append(int(each["sequence"]))
    disordered = [incident for incident, found in about.items() if found != sorted(found)]
    _say(
        f"{name}: {len(kept)} of {size} events, {len(missing)} missing, {copies} copies,"
        f" {unordered} out of order, {len(disordered)} of {len(about)} incidents out of order"
    )
    return bool(missing or unordered or disordered)


@contextmanager
def _happening(engine: sa.Engine) -> Iterator[None]:
    """Let things happen about each incident by turns until the block ends."""
    stopping, incidents = threading.Event(), [uuid4() for _ in range(INCIDENTS)]

    def happen() -> None:
        number = 0
        while not stopping.wait(1 / PER_SECOND):
            decide(engine, [incidents[number % INCIDENTS]])
            number += 1

    thread = threading.Thread(target=happen)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _environment(place: Ledger, port: int, file: Path) -> dict[str, str]:
    keep_key(place.folder / "record")
    policy = place.folder / "policy.yaml"
    named = [
        {"name": "siem", "http": f"http://127.0.0.1:{port}/", "from": "start"},
        {"name": "archive", "file": str(file), "from": "start"},
    ]
    policy.write_text(yaml.safe_dump({"playbooks": {}, "audit": {"streams": named}}))
    return {
        "CCT_OPS_DATABASE_URL": place.url.get_secret_value(),
        "CCT_OPS_POLICY_PATH": str(policy),
        "CCT_OPS_RECORD_PATH": str(place.folder / "record"),
        "PREFECT_API_URL": "http://127.0.0.1:9/api",  # nobody is there: no run is wanted here
    }


def _program(module: str, *arguments: str, log: Path, **environment: str) -> Process:
    command = [sys.executable, "-m", module, *arguments]
    return Process(command, environment, log / f"{module}.log")


def _until(fact: Callable[[], object]) -> None:
    while not fact():
        time.sleep(0.05)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(app(result_action="return_value"))
