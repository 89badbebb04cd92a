"""
A process that runs playbooks in children of its own and has them killed at a step boundary.

Everything is imported once, before a fork, so that a crash is cheap.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import IO
from uuid import UUID

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow

from cct_ops.models.cct import Route
from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from cct_ops.scenarios import truths
from cct_ops.worker.preload import preload
from tests.conftest import ROOT
from tests.flows.kill_triggers import UNHEARD, On, Trigger, say, set_up
from tests.flows.upkeep import know_where_results_are, run_of
from tests.stack.polling import eventually

# As `make kills` wants it; else the most instructive ones.
EVERY_CRASH_POINT = os.environ.get("KILLS") == "all"
ALL = "all"


@dataclass
class CrashHarness:
    """The parent process, seen from a test; ``child`` is the one that has not ended yet, or 0."""

    orders: IO[str]
    news: IO[str]
    child: int = 0

    def start(
        self,
        env: dict[str, str],
        statement: str,
        *,
        nth: int = 1,
        sign: int = 9,
        finalizing: bool = False,
    ) -> int:
        """Run auto-rollback until the ``nth`` such statement is committed; returns the pid."""
        trigger = Trigger(statement=statement, nth=nth, finalizing=finalizing)
        return self._order(env, trigger, sign)

    def start_run(
        self, env: dict[str, str], playbook: str, run_id: UUID, trigger: Trigger, *, sign: int = 9
    ) -> int:
        """Work on a run of a playbook's deployment, until it is killed in the same way."""
        run = {"playbook": playbook.replace("-", "_"), "run_id": str(run_id)}
        return self._order(env, trigger, sign, **run)

    def end(self) -> str:
        """Wait for news of the child: ``sent``, ``stopped``, ``killed`` or ``exited``."""
        word = self.news.readline().strip()
        if word in {"killed", "exited"}:
            self.child = 0
        return word

    def _order(self, env: dict[str, str], trigger: Trigger, sign: int, **more: str) -> int:
        if self.child:  # a test failed and left it behind
            os.kill(self.child, signal.SIGKILL)
            while self.child:
                self.end()
        order = {"env": env, "trigger": asdict(trigger), "signal": sign, **more}
        self.orders.write(f"{json.dumps(order)}\n")
        self.orders.flush()
        self.child = int(self.news.readline())
        return self.child


@contextmanager
def crash_harness(prefect_api_url: str, *first: str) -> Iterator[CrashHarness]:
    """Keep the parent process for as long as tests need it; it may import ``ALL`` first."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.flows.crash_harness", *first],
        cwd=ROOT,
        env=os.environ
        | {
            "PREFECT_API_URL": prefect_api_url,
            "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield CrashHarness(process.stdin, process.stdout)
        finally:
            process.stdin.close()
            process.terminate()


def killed_at(
    trigger: Trigger,
    playbook: str,
    run_id: UUID,
    sandbox: SandboxControl,
    harness: CrashHarness,
    env: dict[str, str],
    *,
    sleeps: bool = False,
) -> int:
    """Work on the run until it is killed there, or stopped; returns the process."""
    silent = trigger.on is On.SILENCE
    sent = len(truths.writes(sandbox)) + trigger.nth - 1
    if silent:
        sandbox.faults(
            *(
                Fault(path=path, header=UNHEARD, apply_then_hang=True)
                for path in ("/api/v1/", "/github/")
            )
        )
    pid = harness.start_run(
        env | _brief(env) if sleeps else env,
        playbook,
        run_id,
        trigger,
        sign=signal.SIGSTOP if sleeps else signal.SIGKILL,
    )
    if silent:
        assert harness.end() == "sent", run_of(run_id).state
        eventually(lambda: len(truths.writes(sandbox)) > sent, seconds=60)
        os.kill(pid, signal.SIGKILL)
    assert harness.end() == ("stopped" if sleeps else "killed"), run_of(run_id).state
    sandbox.clear_faults()
    return pid


def _brief(env: dict[str, str]) -> dict[str, str]:
    """Let one that falls asleep in a transaction keep its locks only for so long."""
    ledger = sa.make_url(env["CCT_OPS_DATABASE_URL"]).update_query_dict(
        {"options": "-c idle_in_transaction_session_timeout=10s"}
    )
    return {"CCT_OPS_DATABASE_URL": ledger.render_as_string(hide_password=False)}


def main() -> None:
    """Fork one child per order, and say how each ended."""
    if ALL in sys.argv[1:]:
        preload(ROOT)  # as the worker does before it forks
    know_where_results_are(pytest.MonkeyPatch())
    gc.freeze()  # a child need not look at what it inherits, nor get a copy of it by looking
    for line in sys.stdin:
        order = json.loads(line)
        name = order.get("playbook", "auto_rollback")
        playbook = getattr(import_module(f"flows.{name}"), name)
        pid = os.fork()
        if pid == 0:
            os.environ.update(order["env"])
            set_up(
                Trigger(**order["trigger"] | {"on": On(order["trigger"]["on"])}), order["signal"]
            )
            if "run_id" in order:
                with get_client(sync_client=True) as client:
                    run = client.read_flow_run(UUID(order["run_id"]))
                run_flow(playbook, flow_run=run, return_type="state")
            else:
                playbook(Route.PRE_MARKET_BRIEFING, mode=Mode.AUTO, return_state=True)
            os._exit(0)
        say(str(pid))
        _, status = os.waitpid(pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            say("stopped")
            _, status = os.waitpid(pid, 0)
        say("killed" if os.WIFSIGNALED(status) else "exited")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
