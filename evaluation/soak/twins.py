"""A pair of real Alertmanagers, as Debian packages them, while nobody listens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from cct_ops.stack.alertmanager import configured, installed
from cct_ops.stack.postgres import free_port
from evaluation.soak import prefect
from evaluation.soak.load import Tally
from evaluation.soak.parts import KEY, Gateway, Ledger, Process, killed_in_the_end, running
from evaluation.soak.prefect import starting_runs
from evaluation.soak.report import Row

BINARY = installed()
PATIENCE_SECONDS = 90
THINGS = 5


class Alertmanager(Process):
    """One process, not clustered."""

    def __init__(self, folder: Path, hook: str, key: str, repeat: str) -> None:
        folder.mkdir(exist_ok=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        route = {"group_wait": "100ms", "group_interval": "1s", "repeat_interval": repeat}
        command = configured(BINARY or "", folder, port, hook, key, route)
        super().__init__(command, {}, folder / "log", f"{self.url}/-/ready")

    def post(self, name: str, *, began: datetime, ended: datetime | None = None) -> None:
        """Post an alert as Prometheus does."""
        alert: dict[str, object] = {
            "labels": {"alertname": name, "route": "/daily-summary"},
            "startsAt": began.isoformat(),
            "endsAt": (ended or datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        }
        httpx.post(
            f"{self.url}/api/v2/alerts", json=[alert], timeout=10, trust_env=False
        ).raise_for_status()


@contextmanager
def alertmanagers(
    folder: Path, count: int, hook: str, key: str, *, repeat: str = "1h"
) -> Iterator[list[Alertmanager]]:
    """Run so many for the length of the block."""
    made = [Alertmanager(folder / f"am-{n}", hook, key, repeat) for n in range(count)]
    with running(*made):
        yield made


def alertmanager(made: Ledger, *, away_seconds: int) -> Row:
    """Let a pair fire while the gateway is away, and see the runs soon after it came back."""
    if BINARY is None:
        return Row.of("alertmanager", Tally(), runs=0, lost=0, doubled=0, note="NOT INSTALLED")
    gateway = Gateway(made)
    hook = f"http://127.0.0.1:{gateway.port}/hooks/alertmanager"
    with (
        killed_in_the_end(gateway),
        starting_runs(made) as (server, _),
        alertmanagers(made.folder, 2, hook, KEY) as pair,
    ):
        for number in range(THINGS):
            began = datetime.now(UTC)
            for each in pair:
                each.post(f"Fires{number}", began=began)
        time.sleep(away_seconds)  # this is what is tried: a gateway that is away for so long
        returned = time.monotonic()
        gateway.start()
        while len(prefect.runs(server.api_url)) < THINGS:
            if time.monotonic() > returned + PATIENCE_SECONDS:
                break
            time.sleep(0.5)
        took = time.monotonic() - returned
        pair[0].kill()
        pair[0].start_and_wait()
        time.sleep(5)  # for what the one that crashed sends once more
        started = prefect.runs(server.api_url)
    runs = sum(started.values())
    return Row.of(
        "alertmanager",
        Tally(sent=2 * THINGS, accepted=2 * THINGS if len(started) == THINGS else 0),
        runs=runs,
        lost=THINGS - len(started),
        doubled=runs - len(started),
        note=f"a pair fired while the gateway was away for {away_seconds} s; runs {took:.0f} s"
        " after its return",
    )
