"""A checkout of its own, deployed to the real Prefect server, and warm workers in processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from cct_ops.ledger.run_notifications import CHANNEL
from cct_ops.stack.postgres import EmbeddedPostgres
from tests.plain import HTTP
from tests.stack.polling import eventually, processes

FLOWS = {
    "ping": """
import os
from prefect import flow, get_run_logger

@flow(flow_run_name="ping {note}", retries=2, version="7")
def ping(note: str = "") -> int:
    get_run_logger().info("here is %s", note)
    return os.getpid()
""",
    "hold": """
import os, signal, time
from pathlib import Path
from prefect import flow

def crashed(flow, flow_run, state):
    Path(flow_run.parameters["folder"], "crashed").write_text(state.message)

def cancelled(flow, flow_run, state):
    Path(flow_run.parameters["folder"], "cancelled").write_text(state.name)

@flow(on_crashed=[crashed], on_cancellation=[cancelled])
def hold(folder: str) -> None:
    Path(folder, "pid").write_text(str(os.getpid()))
    while not Path(folder, "go").exists():
        time.sleep(0.02)
""",
    "tread": """
import os, time
from pathlib import Path
from prefect import flow, task

@task
def step() -> None:
    time.sleep(0.05)

@flow
def tread(folder: str) -> None:
    Path(folder, "pid").write_text(str(os.getpid()))
    while True:
        step()
""",
    "fail": """
from prefect import flow

@flow
def fail() -> None:
    raise ValueError("not today")
""",
    "again": """
from pathlib import Path
from prefect import flow

@flow(retries=1)
def again(folder: str) -> None:
    tried = Path(folder, "tried")
    if not tried.exists():
        tried.touch()
        raise ValueError("not yet")
""",
    "depart": """
import atexit
from pathlib import Path
from prefect import flow

@flow
def depart(folder: str) -> None:
    atexit.register(Path(folder, "departed").touch)
""",
    "change": """
from pathlib import Path
from prefect import flow
from flows.helping import WORD

@flow
def change(path: str) -> None:
    Path(path).write_text(WORD)
""",
    "helping": "WORD = 'first'",
    "draw": """
import random
from pathlib import Path
import numpy
from prefect import flow

@flow
def draw(path: str) -> None:
    Path(path).write_text(f"{random.random()} {numpy.random.random()}")
""",
    "sail": """
import os
from pathlib import Path
from prefect import flow

@flow
async def sail(path: str) -> None:
    Path(path).write_text(os.environ.get("WORD", ""))
""",
    "stay": """
import os, time
from pathlib import Path
from prefect import flow

@flow
def stay(folder: str) -> None:
    began = time.time()
    time.sleep(0.3)
    Path(folder, f"{os.getpid()}.stayed").write_text(f"{began} {time.time()}")
""",
    "restore": """
from prefect import flow

@flow
def restore() -> None:
    pass
""",
    "leave": """
import os
from prefect import flow

@flow
def leave(code: int) -> None:
    os._exit(code)
""",
}


@dataclass(frozen=True)
class Pool:
    """A work pool, and a checkout whose flows are deployed into it."""

    api_url: str
    name: str
    project: Path

    def write(self, name: str, code: str) -> None:
        """Put a flow into the checkout."""
        (self.project / "flows" / f"{name}.py").write_text(code)

    def deploy(self, name: str, *, folder: Path | None = None, **more: object) -> str:
        """Deploy a flow as `prefect deploy` does; returns the deployment's id."""
        flow = self.ask("POST", "/flows/", {"name": name})
        place = {"directory": str(folder or self.project)}
        pull = {"prefect.deployments.steps.set_working_directory": place}
        made = self.ask(
            "POST",
            "/deployments/",
            {
                "name": self.name,
                "flow_id": flow["id"],
                "entrypoint": f"flows/{name}.py:{name}",
                "path": ".",
                "pull_steps": [pull],
                "work_pool_name": self.name,
                **more,
            },
        )
        return str(made["id"])

    def create(self, deployment: str, **parameters: object) -> str:
        """Make a run; returns its id."""
        path = f"/deployments/{deployment}/create_flow_run"
        return str(self.ask("POST", path, {"parameters": parameters})["id"])

    def suspend(self, flow_run_id: str) -> None:
        """Suspend a run as the UI does."""
        state = {"type": "PAUSED", "name": "Suspended", "state_details": {"pause_reschedule": True}}
        self.ask("POST", f"/flow_runs/{flow_run_id}/set_state", {"state": state})

    def run(self, flow_run_id: str) -> dict[str, Any]:
        """Return a run as it is now."""
        return dict(self.ask("GET", f"/flow_runs/{flow_run_id}"))

    def ended(self, flow_run_id: str, seconds: float = 60) -> dict[str, Any]:
        """Wait for a run's end and return its final state."""
        final = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
        eventually(lambda: self.run(flow_run_id)["state"]["type"] in final, seconds=seconds)
        return dict(self.run(flow_run_id)["state"])

    def ask(self, method: str, path: str, content: object = None) -> Any:
        """Call Prefect's API."""
        url = f"{self.api_url}{path}"
        answer = HTTP.request(method, url, json=content)
        return answer.raise_for_status().json()

    def change(self, path: str, **values: object) -> None:
        """Change a pool, a queue or a deployment, as the UI does."""
        HTTP.request("PATCH", f"{self.api_url}{path}", json=values).raise_for_status()

    @contextmanager
    def worker(self, *arguments: str, **env: str) -> Iterator[Worker]:
        """Run `prefect worker start`, ready to fork, and leave nothing of it behind."""
        command = [sys.executable, "-m", "prefect", "worker", "start", "--type", "warm"]
        command += ["--pool", self.name, "--name", f"of {self.name}", *arguments]
        log = self.project / f"worker-{time.monotonic_ns()}.log"
        environment = {
            **os.environ,
            "PREFECT_API_URL": self.api_url,
            "PREFECT_HOME": str(self.project / "home"),
            "PREFECT_WORKER_QUERY_SECONDS": "0.5",
            "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
            "PYTHONUNBUFFERED": "1",
            **env,
        }
        with (
            log.open("wb") as output,
            subprocess.Popen(
                command,
                cwd=self.project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            ) as process,
        ):
            worker = Worker(process, log)
            try:
                eventually(worker.is_ready, seconds=120)
                yield worker
            finally:
                worker.end()


@dataclass(frozen=True)
class Worker:
    """A worker's process."""

    process: subprocess.Popen[bytes]
    log: Path

    def is_ready(self) -> bool:
        """Whether it takes runs."""
        assert self.process.poll() is None, self.said()
        return "started!" in self.said()

    def said(self) -> str:
        """Return its output."""
        return self.log.read_text(errors="replace")

    def server(self) -> psutil.Process:
        """Return the newest fork server."""
        children = psutil.Process(self.process.pid).children()
        servers = [child for child in children if "cct_ops.worker.fork_server" in child.cmdline()]
        return max(servers, key=lambda server: server.create_time())

    def end(self) -> None:
        """Stop it and everything in its session, orphans too."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for other in processes():
            try:
                if os.getsid(other.pid) == self.process.pid:
                    other.kill()
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue


def notify(postgres: EmbeddedPostgres, *payloads: str) -> None:
    """Tell the workers that listen on the ledger, as the controller does."""
    url = postgres.url("postgres").replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as ledger:
        for payload in payloads:
            ledger.execute("select pg_notify(%s, %s)", (CHANNEL, payload))
