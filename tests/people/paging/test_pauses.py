"""People are notified once that something is paused and what waits, and once that it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.controller.pauses import PauseMonitor
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.people.paging.conftest import OwnPool, said


class Paused(OwnPool):
    """A pool that can be paused, and so can its queue and its deployment."""

    def run(self, target: str, seconds: int = -1) -> None:
        """Make a run that is due, or will be."""
        at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}
        self.ask(
            "POST",
            f"{self.deployment}/create_flow_run",
            {"parameters": {"target": target}, "state": state},
        )

    def set(self, part: str, paused: bool) -> str:
        """Pause or resume a part as the UI does; returns what people are notified that it is."""
        match part:
            case "pool":
                self.ask("PATCH", self.path, {"is_paused": paused})
                return f"work pool {self.name}"
            case "queue":
                self.ask("PATCH", f"{self.path}/queues/default", {"is_paused": paused})
                return f"work queue default of the pool {self.name}"
            case _:
                self.ask("PATCH", self.deployment, {"paused": paused})
                return f"deployment {self.name}"

    def limit(self, part: str, most: int) -> str:
        """Limit how many run at once in a part; returns what people are notified that it is."""
        limit = {"concurrency_limit": most}
        match part:
            case "pool":
                self.ask("PATCH", self.path, limit)
            case "queue":
                self.ask("PATCH", f"{self.path}/queues/default", limit)
            case _:
                tags = ["playbook", f"at most {most} at once"]
                self.ask("PATCH", self.deployment, {"tags": tags})
        return self.set(part, False)


@pytest.fixture
def playbook(prefect: str) -> Iterator[Paused]:
    """One, which goes in the end."""
    with ExitStack() as stack:
        made = Paused(prefect, "playbook")
        stack.callback(made.close)
        yield made


@pytest.fixture
def monitor(engine: sa.Engine, sandbox: SandboxControl) -> PauseMonitor:
    """The controller's look, which notifies people in the sandbox."""
    return PauseMonitor(engine, Notifier(engine, SecretStr(f"{sandbox.base_url}/slack/incidents")))


def notices(sandbox: SandboxControl, playbook: Paused) -> list[str]:
    """Return what was said about it."""
    return [text for _, text in said(sandbox) if playbook.name in text]


@pytest.mark.parametrize("part", ["pool", "queue", "deployment"])
def test_a_pause_that_holds_runs_is_reported_once_with_what_waits_and_so_is_its_end(
    part: str, playbook: Paused, monitor: PauseMonitor, sandbox: SandboxControl
) -> None:
    name = playbook.set(part, True)
    playbook.run("/later", seconds=3600)
    monitor()
    assert notices(sandbox, playbook) == [], "nothing waits yet"

    playbook.run("/a")
    playbook.run("/a")
    playbook.run("/b")
    monitor()
    playbook.run("/c")
    monitor()
    (once,) = notices(sandbox, playbook)
    assert f"The {name} is paused in Prefect" in once
    assert "3 runs wait" in once
    assert f"• {playbook.name} on /a (2 runs)" in once
    assert f"• {playbook.name} on /b" in once
    assert "/later" not in once

    playbook.set(part, False)
    for _ in range(2):
        monitor()
    assert notices(sandbox, playbook)[1:] == [
        f":arrow_forward: The {name} is no longer paused in Prefect: what waited for it starts."
    ]


@pytest.mark.parametrize("part", ["pool", "queue", "deployment"])
def test_a_limit_of_0_is_reported_as_the_pause_that_it_is(
    part: str, playbook: Paused, monitor: PauseMonitor, sandbox: SandboxControl
) -> None:
    name = playbook.limit(part, 0)
    playbook.run("/a")
    for _ in range(2):
        monitor()
    (once,) = notices(sandbox, playbook)
    assert f"The {name} (limit 0) is paused in Prefect" in once

    playbook.limit(part, 1)
    monitor()
    assert f"The {name} (limit 0) is no longer paused" in notices(sandbox, playbook)[-1]


def test_of_two_pauses_the_one_that_comes_first_is_reported_and_the_other_when_it_holds(
    playbook: Paused, monitor: PauseMonitor, sandbox: SandboxControl
) -> None:
    pool, deployment = playbook.set("pool", True), playbook.set("deployment", True)
    playbook.run("/a")
    monitor()
    assert [pool in text for text in notices(sandbox, playbook)] == [True]

    playbook.set("pool", False)
    monitor()
    assert sum(f"The {deployment} is paused" in text for text in notices(sandbox, playbook)) == 1
    assert len(notices(sandbox, playbook)) == 3


def test_what_slack_does_not_take_now_is_sent_again(
    playbook: Paused, monitor: PauseMonitor, sandbox: SandboxControl
) -> None:
    playbook.set("pool", True)
    playbook.run("/a")
    sandbox.faults(Fault(path="/slack/incidents", error_status=503, count=1))
    for _ in range(2):
        monitor()

    assert len(notices(sandbox, playbook)) >= 1
