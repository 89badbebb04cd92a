"""A real stack to measure: every part as `cct-ops up` runs it, isolated."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar
from uuid import UUID, uuid4

import httpx
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.ledger.engine import connect
from cct_ops.ledger.intake.outbox import REMEDIATE
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.sandbox.control import SandboxControl
from cct_ops.stack.assembly import Assembly, assemble
from cct_ops.stack.config import StackConfig
from cct_ops.stack.part import Event, Part, Prints
from cct_ops.stack.postgres import free_port
from cct_ops.stack.prefect_server import api_client
from cct_ops.stack.up import running
from evaluation.benchmarks import sink
from evaluation.benchmarks.sides import Alert, Side

KEY = secrets.token_urlsafe(32)
ROUTES = """
grouping: {incidents: 1000000, within_seconds: 60, calm_seconds: 300, runs: 10}
rules:
  - name: benchmark
    match: ['alertname="Benchmark"']
    playbook: auto-rollback
    mode: observe
    parameters:
      target: {label: route, type: route}
  - name: repair
    match: ['alertname="Repair"']
    playbook: auto-rollback
    mode: auto
    parameters:
      target: {label: route, type: route}
  - name: everything-else
    notify: true
"""
POLICY = """
playbooks: {auto-rollback: {ceiling: auto, targets: ["/*"]}}
guards:
  cool_down_minutes: 0
  recurring_fixes: {count: 1000, within_hours: 1}
  actions_per_hour: 1000
  storm: {incidents: 1000000, within_minutes: 1}
autonomy: {recurs_within_hours: 0}
"""
PROBES = 6  # of one diagnosis
WorkerType = Literal["warm", "process"]
Found = TypeVar("Found")


@dataclass(frozen=True)
class System:
    """A running stack and the ways into it."""

    config: StackConfig
    env: dict[str, str]
    urls: dict[str, str]
    start_seconds: dict[str, float]
    guards: dict[str, int]
    journal: sink.Journal
    prefect_journal: sink.Journal
    http: httpx.Client
    prefect: httpx.Client
    ledger: sa.Engine
    key: str = KEY

    def side(self, name: str, *, slow: bool = False) -> Side:
        """Return it as one that takes alerts, which has done with one when the run has ended."""

        def settle(answer: httpx.Response) -> None:
            self.ended(self.run_of(incident_of(answer)))

        headers = {"Authorization": f"Bearer {KEY}"}
        return Side(name, self.urls["hook"], self.journal, settle, headers, slow=slow)

    def alert(self) -> UUID:
        """Send one alert of an incident of its own; returns the incident."""
        return incident_of(self.side("").post(self.http, Alert("Benchmark", uuid4().hex)))

    def run_of(self, incident: UUID, seconds: float = 120) -> UUID:
        """Wait for the incident's run."""
        query = sa.select(dispatches.c.flow_run_id).where(
            dispatches.c.incident_id == incident, dispatches.c.purpose == REMEDIATE
        )

        def look() -> UUID | None:
            with self.ledger.connect() as connection:
                return connection.execute(query).scalar_one_or_none()

        return awaited(look, seconds, f"a run for incident {incident}", every=0.1)

    def nothing_waits(self, seconds: float = 120) -> None:
        """Wait until the controller has nothing left to do."""
        pending = sa.select(sa.exists().where(dispatches.c.state == "pending"))

        def look() -> bool:
            with self.ledger.connect() as connection:
                return not connection.execute(pending).scalar()

        awaited(look, seconds, "an end of the controller's work")

    def api(self, method: str, path: str, content: object = None) -> Any:
        """Call Prefect's API."""
        return self.prefect.request(method, path, json=content).raise_for_status().json()

    def lift_limit(self) -> None:
        """Let any number of runs go at once: what is measured is how fast they can start."""
        found = self.api("GET", "/deployments/name/auto-rollback/auto-rollback")
        path = f"/deployments/{found['id']}"
        self.prefect.patch(path, json={"tags": ["playbook"]}).raise_for_status()

    def probes(
        self, run: UUID, seconds: float = 60, *, count: int = PROBES
    ) -> list[tuple[float, float]]:
        """Return start and end of each probe of a run that has ended; their record comes later."""
        wanted = {"flow_runs": {"id": {"any_": [str(run)]}}}

        def look() -> list[tuple[float, float]] | None:
            tasks = self.api("POST", "/task_runs/filter", wanted)
            found = [task for task in tasks if task["name"].startswith("probe_")]
            if len(found) < count or not all(task["end_time"] for task in found):
                return None
            return [(seconds_of(t["start_time"]), seconds_of(t["end_time"])) for t in found]

        return awaited(look, seconds, f"a record of the probes of run {run}")

    def ended(self, run: UUID, seconds: float = 120) -> str:
        """Wait for a run's end; returns how it ended."""

        def look() -> str | None:
            state = str(self.api("GET", f"/flow_runs/{run}")["state"]["type"])
            return state if state in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None

        return awaited(look, seconds, f"an end of run {run}")

    def curls(self, paths: Iterable[str]) -> float:
        """Ask CCT for each path with a curl, one after the other; returns the seconds."""
        began, key = time.monotonic(), f"X-API-Key: {self.env['X_API_KEY']}"
        for path in paths:
            url = f"{self.urls['cct']}/api/v1/{path}"
            command = ["curl", "--silent", "--fail", "--noproxy", "*", "-H", key]
            subprocess.run([*command, "-o", "/dev/null", url], check=True)
        return time.monotonic() - began


def awaited(
    look: Callable[[], Found | None], seconds: float, what: str, *, every: float = 0.25
) -> Found:
    """Return what is there at last; raises ``TimeoutError``."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"There was not {what} within {seconds:.0f} s.")
        time.sleep(every)
    return found


@contextlib.contextmanager
def system(
    folder: Path, worker: WorkerType = "warm", *, shipped: bool = False, watched: bool = False
) -> Iterator[System]:
    """
    Run a stack with nothing that slows its playbooks down on purpose.

    As ``shipped`` it has the settings of this checkout and their limits. ``watched`` it writes down
    what Prefect's server is asked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    env = {"CCT_OPS_ALERTMANAGER_KEY": KEY, "CCT_URL": ""}
    config = StackConfig.ephemeral(folder, env if shipped else env | _quick(folder))
    seconds: dict[str, float] = {}
    guards: dict[str, int] = {}
    journal, asked = folder / "sink.log", folder / "prefect.log"
    journal.touch()
    asked.touch()

    def assembler(config: StackConfig, lock_fd: int) -> Assembly:
        assembly = assemble(config, lock_fd)
        cct, prefect = (config.sandbox_port, "/api/v1/"), (config.prefect_port, "/api/")
        parts = list(_behind_a_sink(assembly.plan.parts, "sandbox", "sink", *cct, journal))
        if watched:
            parts = list(_behind_a_sink(parts, "prefect", "prefect-sink", *prefect, asked))
            parts = [_logging(part) if part.name == "postgres" else part for part in parts]
        if worker == "process":
            parts = [_stock(part) if part.name == "worker" else part for part in parts]
        plan = assembly.plan.model_copy(update={"parts": tuple(parts)})
        return Assembly(plan, assembly.env, assembly.urls, assembly.own_key)

    def on_event(event: Event) -> None:
        if event.kind == "starting":
            guards[event.part] = event.pid
        if event.kind in {"ready", "up"}:
            seconds[event.part or "the whole stack"] = event.seconds

    with (
        running(config, on_event=on_event, assembler=assembler) as stack,
        httpx.Client(timeout=60, trust_env=False) as http,
        api_client(stack.env, 60) as prefect,
    ):
        if not shipped:
            SandboxControl(stack.urls["cct"]).reset(limits=False)
        ledger = connect(SecretStr(stack.env["CCT_OPS_DATABASE_URL"]))
        made = System(
            config=config,
            env=dict(stack.env),
            urls=dict(stack.urls),
            start_seconds=seconds,
            guards={"supervisor": stack.supervisor.pid, **guards},
            journal=sink.Journal(journal),
            prefect_journal=sink.Journal(asked),
            http=http,
            prefect=prefect,
            ledger=ledger,
        )
        if not shipped:
            made.lift_limit()
        yield made
        ledger.dispose()


def _quick(folder: Path) -> dict[str, str]:
    """Return settings under which nothing but the way itself takes time."""
    routes, policy = folder / "routes.yaml", folder / "policy.yaml"
    routes.write_text(ROUTES)
    policy.write_text(POLICY)
    return {
        "CCT_OPS_ROUTES_PATH": str(routes),
        "CCT_OPS_POLICY_PATH": str(policy),
        "CCT_OPS_WATCH_SECONDS": "4",
        "CCT_OPS_MIN_SAMPLES": "2",
        "CCT_OPS_SETTLE_SECONDS": "10",
        "CCT_OPS_REQUESTS_PER_MINUTE": "1000000",
    }


def _behind_a_sink(
    parts: Iterable[Part], behind: str, name: str, port: int, prefix: str, journal: Path
) -> Iterator[Part]:
    """Let a part listen elsewhere, and a sink of that name in its place."""
    elsewhere = str(free_port())
    for part in parts:
        if part.name != behind:
            yield part
            continue
        argv = tuple(elsewhere if each == str(port) else each for each in part.program.argv)
        program = part.program.model_copy(update={"argv": argv})
        yield part.model_copy(update={"program": program, "after": (*part.after, name)})
        argv = (sys.executable, "-m", sink.__name__, str(port), elsewhere, str(journal), prefix)
        program = part.program.model_copy(update={"argv": argv})
        yield Part(name=name, program=program, ready=Prints(text=sink.GREETING))


def _logging(part: Part) -> Part:
    """Let PostgreSQL log each statement, without its values."""
    settings = ("log_statement=all", "log_parameter_max_length=0", "log_timezone=UTC")
    argv = (*part.program.argv, *(word for each in settings for word in ("-c", each)))
    return part.model_copy(update={"program": part.program.model_copy(update={"argv": argv})})


def _stock(part: Part) -> Part:
    argv = tuple("process" if each == "warm" else each for each in part.program.argv)
    env = {
        name: value
        for name, value in part.program.env.items()
        if name != "PREFECT_WORKER_QUERY_SECONDS"
    }
    return part.model_copy(
        update={"program": part.program.model_copy(update={"argv": argv, "env": env})}
    )


def seconds_of(text: str) -> float:
    """Return a time of Prefect's API as seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def incident_of(answer: httpx.Response) -> UUID:
    """Return the incident that an alert has opened."""
    return UUID(answer.json()["incidents"][0])
