"""
``python -m evaluation.upgrade``: an installation is upgraded under alerts, and everything counted.

The old release is a revision of this repository, by default the one before the newest migration.
While it runs under ten alerts a second the new release migrates its ledger, then drains it, takes
its place, and lets it go on. CCT is a sandbox beside them, which goes on all the time.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from cyclopts import App, Parameter

from cct_ops.clients import deployments
from cct_ops.config import policy
from cct_ops.game_day.drill_stack import SHORT, lifted
from cct_ops.models.cct import Route
from cct_ops.sandbox.control import SandboxControl, start_sandbox
from cct_ops.stack.postgres import free_port
from cct_ops.stack.prefect_clients import asking
from evaluation.soak.bodies import alert, body
from evaluation.soak.load import Tally, Target, send
from evaluation.upgrade.installation import (
    ROOT,
    Installation,
    before_newest_migration,
    checked_out,
    until,
)

KEY = "of-the-sandbox"
PER_SECOND = 10.0
_WRONG = re.compile(r"Undefined(Column|Table|Function)|NotNullViolation|CheckViolation")

app = App(help="Upgrade an installation under load, and count what was lost, killed or undone.")


@app.default
def main(
    *,
    old: Annotated[str | None, Parameter(help="The revision that is upgraded.")] = None,
    seconds: Annotated[float, Parameter(help="For how long it runs before the upgrade.")] = 60,
    runs: Annotated[int, Parameter(help="How many runs are under way when it is drained.")] = 20,
) -> int:
    """Take two minutes longer than the load before the upgrade."""
    revision = old or before_newest_migration()
    with tempfile.TemporaryDirectory(prefix="cct-ops-upgrade-") as name, _cct() as sandbox:
        folder = Path(name)
        code = checked_out(revision, folder / "old")
        here = _installation(folder, sandbox)
        over = threading.Event()
        _say(f"from {revision[:12]} to this tree, {PER_SECOND:g} alerts a second")
        with here.running(code):
            load = _Load(here, over)
            load.start()
            time.sleep(seconds / 2)
            began = time.monotonic()
            here.command(ROOT, "migrate")
            _say(f"migrated under the old release in {time.monotonic() - began:.1f} s")
            time.sleep(seconds / 2)
            _changing(here, sandbox, runs)
            began = time.monotonic()
            _say(here.command(ROOT, "drain", "--wait", "--reason", "upgrade").strip())
            drained = time.monotonic() - began
            errors = _wrong(here)
        with here.running(ROOT):
            ended = here.command(ROOT, "drain", "--end", "--reason", "upgraded").strip()
            _say(ended)
            over.set()
            load.join()
            until(lambda: _settled(here))
            return _judged(here, sandbox, load.tally, drained, errors)


class _Load(threading.Thread):
    """Sends alerts, each about something else, until it is told to stop."""

    def __init__(self, here: Installation, over: threading.Event) -> None:
        super().__init__(name="load", daemon=True)
        key = (here.data / "keys" / "alertmanager").read_text().strip()
        self._target = Target(lambda: ("127.0.0.1", here.ports[1]), "/hooks/alertmanager", key)
        self._over = over
        self.tally = Tally()

    def run(self) -> None:
        """Send; what the gateway does not take while it is exchanged is sent again."""
        pace = PER_SECOND
        self.tally = asyncio.run(
            send(self._target, self._bodies(), per_second=pace, connections=4, retries=500)
        )

    def _bodies(self) -> Iterator[bytes]:
        number = 0
        while not self._over.is_set():
            yield body([alert(number, datetime.now(UTC))], number)
            number += 1


def _changing(here: Installation, sandbox: SandboxControl, runs: int) -> None:
    """Have so many runs under way, one for each route in the middle of a change."""
    for route in Route:
        sandbox.roll_back(route, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    with asking(here.known):
        for number in range(runs):
            route = list(Route)[number % len(Route)]
            mode = "auto" if number < len(Route) else "observe"
            given = {"target": route.value, "mode": mode}
            deployments.start("auto-rollback", given, key=str(uuid4()))
    until(lambda: here.ledger("select count(*) from permits where closed_at is null") > 0)
    count = "select count(*) from flow_run where state_type in ('SCHEDULED', 'PENDING', 'RUNNING')"
    _say(f"{here.prefect(count)} runs are due or under way")


def _settled(here: Installation) -> bool:
    pending = here.ledger("select count(*) from dispatches where state = 'pending'")
    going = here.prefect(
        "select count(*) from flow_run where state_type in ('PENDING', 'RUNNING', 'CANCELLING')"
        " or state_type = 'SCHEDULED' and not auto_scheduled"
        " and next_scheduled_start_time < now()"
    )
    return not pending and not going


def _judged(
    here: Installation, sandbox: SandboxControl, tally: Tally, drained: float, errors: int
) -> int:
    """Print the counts; 1 where one that must be 0 is not."""
    stored = here.ledger("select count(*) from incidents where source = 'alertmanager'")
    since = here.ledger("select max(at) from drains where draining")
    ended = here.ledger("select max(at) from drains where not draining")
    began = here.prefect(
        "select count(*) from flow_run_state where type = 'PENDING'"
        " and timestamp > %(since)s::timestamptz + interval '3 seconds'"
        " and timestamp < %(until)s",
        since=since,
        until=ended,
    )
    killed = "select count(*) from flow_run where state_type in ('CRASHED', 'CANCELLED')"
    undone = "select count(*) from resolutions where outcome in ('Undone', 'Failed')"
    off = [route for route, each in sandbox.state().routes.items() if not each.enabled]
    _say(f"sent {tally.sent}, sent again {tally.retried}, accepted {tally.accepted}")
    runs = here.prefect("select count(*) from flow_run where not auto_scheduled")
    _say(f"runs {runs}")
    _say(f"drained in {drained:.1f} s, for {(ended - since).total_seconds():.0f} s in all")
    must = {
        "lost": tally.sent - stored,
        "begun while drained": began,
        "killed": here.prefect(killed),
        "undone": here.ledger(undone),
        "good fixes gone": len(off),
        "statements of the old release that failed": errors,
    }
    for name, count in must.items():
        _say(f"{name}: {count}")
    return int(any(must.values()))


def _wrong(here: Installation) -> int:
    """Count what the old release could not do on the new schema."""
    logs = (here.data / "logs").glob("*.log")
    return sum(len(_WRONG.findall(log.read_text(errors="replace"))) for log in logs)


def _installation(folder: Path, sandbox: SandboxControl) -> Installation:
    rules = folder / "policy.yaml"
    made = policy.read(ROOT / "deployments" / "policy.yaml")
    free = made.guards.model_copy(
        update={"storm": made.guards.storm.model_copy(update={"incidents": 100_000})}
    )
    lifting = json.loads(lifted(made))
    lifting["guards"] |= {"storm": free.storm.model_dump(), "actions_per_hour": 10_000}
    rules.write_text(json.dumps(lifting))
    env = {
        **SHORT,
        "CCT_OPS_POLICY_PATH": str(rules),
        "CCT_URL": sandbox.base_url,
        "X_API_KEY": KEY,
    }
    return Installation(folder / "data", env, (free_port(), free_port(), free_port()))


@contextmanager
def _cct() -> Iterator[SandboxControl]:
    with start_sandbox(api_key=KEY) as control:
        control.reset(dialect="runbook", limits=False)
        yield control


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(app())
