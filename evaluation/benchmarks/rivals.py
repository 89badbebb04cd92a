"""
The others, measured as the stack is: from a POST of the same body to the GET at the same sink.

What comes from PyPI is installed from ``rivals.lock`` into an environment of its own in the user's
cache folder. One that cannot be had says why and is left out: it must not cost the other results.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from cct_ops.stack.postgres import EmbeddedPostgres, free_port
from cct_ops.stack.process import Process, Program
from evaluation.benchmarks.sides import NotMeasured, Side
from evaluation.benchmarks.sink import HOST, Journal

PATIENCE_SECONDS = 60.0
_LOCK = Path(__file__).with_name("rivals.lock")
_DOORS = Path(__file__).with_name("doors.py")
_NOTHING_ELSE = "checks no sender, de-duplicates nothing, guards nothing, verifies nothing"
DOES_NOT = {
    "stock": "all that the stack does, with Prefect's process worker and its default poll",
    "procrastinate": f"stores a job in PostgreSQL, which notifies a worker; {_NOTHING_ELSE}",
    "dbos": f"stores a workflow in PostgreSQL for a queue with the default poll; {_NOTHING_ELSE}",
    "celery": "stores a job in Redis, each change written to disk before the answer (AOF always); "
    f"a killed worker loses the job that it has begun; {_NOTHING_ELSE}",
    "ansible-rulebook": f"stores nothing, starts a playbook with one GET; {_NOTHING_ELSE}",
    "webhook": f"stores nothing, starts a shell script with one curl; {_NOTHING_ELSE}",
}
RIVALS = tuple(name for name in DOES_NOT if name != "stock")

_RULEBOOK = """
- name: benchmark
  hosts: all
  sources:
    - eda.builtin.webhook: {{host: 127.0.0.1, port: {port}}}
  rules:
    - name: every alert
      condition: event.payload is defined
      action:
        run_playbook: {{name: {folder}/playbook.yml}}
"""
_PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.uri:
        url: "{url}{{{{ ansible_eda.event.payload.alerts[0].labels.id }}}}"
        headers: {{X-API-Key: "{key}"}}
        use_proxy: false
"""
# As Ansible does for a localhost that no inventory names: no search for an interpreter.
_INVENTORY = (
    "localhost ansible_connection=local"
    " ansible_python_interpreter='{{ ansible_playbook_python }}'\n"
)


# How to wait until it has nothing left to do, and the path of its door.
_Way = tuple[Callable[[httpx.Response], object], str]


@dataclass
class _Place:
    """Where one rival lives, and what is already there for it."""

    folder: Path
    cct: str
    key: str
    stack: contextlib.ExitStack
    port: int = field(default_factory=free_port)

    @property
    def get(self) -> str:
        """The URL of the one GET; the alert's id is to follow."""
        return f"{self.cct}/api/v1/canary/status?alert="

    def start(self, name: str, argv: Sequence[str], **env: str) -> Process:
        """Run a program of the rival's until the end of the benchmark."""
        path = f"{environment()}{os.pathsep}{os.environ['PATH']}"
        program = Program(
            argv=tuple(argv),
            env={**os.environ, "PATH": path, "NO_PROXY": HOST, **env},
            cwd=self.folder,
        )
        process = Process(program, self.folder / f"{name}.log")
        self.stack.callback(process.wait)
        self.stack.callback(process.stop)
        return process


def environment() -> Path:
    """Return the folder of the rivals' programs, installed on first use."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:12]
    place = cache / f"cct-ops-rivals-{digest}"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        install = [f"{place}/bin/python", "-m", "pip", "install", "--quiet", "--no-deps"]
        try:
            subprocess.run([sys.executable, "-m", "venv", place], check=True)
            subprocess.run([*install, "--require-hashes", "-r", str(_LOCK)], check=True)
        except subprocess.CalledProcessError as error:
            raise NotMeasured(f"{_LOCK.name} could not be installed") from error
        (place / "complete").touch()
    return place / "bin"


@contextlib.contextmanager
def rivals(
    names: Sequence[str], folder: Path, sink: Journal, env: Mapping[str, str]
) -> Iterator[tuple[list[Side], dict[str, str]]]:
    """Run those that can be had; yields them, and why the others cannot."""
    found, missing = [], {}
    with contextlib.ExitStack() as stack:
        for name in names:
            home = folder / name
            home.mkdir(parents=True)
            place = _Place(home, env["CCT_URL"], env["X_API_KEY"], stack)
            try:
                settle, path = _START[name](place)
                url = f"http://{HOST}:{place.port}{path}"
                slow = name == "ansible-rulebook"
                side = Side(name, url, sink, settle, {}, rival=True, slow=slow)
                _wait_until_it_works(side)
                found.append(side)
            except NotMeasured as error:
                logs = [log.read_text(errors="replace")[-1000:] for log in home.glob("*.log")]
                print(f"{name} is not measured: {error}", *logs, sep="\n", file=sys.stderr)
                missing[name] = str(error)
        yield found, missing


def _on_postgres(place: _Place) -> _Way:
    server = place.stack.enter_context(EmbeddedPostgres(place.folder / "postgres"))
    return _door(place, server.url("cct_ops"))


def _on_redis(place: _Place) -> _Way:
    _needs("redis-server")
    port = str(free_port())
    always = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    place.start("redis", ["redis-server", "--bind", HOST, "--port", port, *always])
    return _door(place, f"redis://{HOST}:{port}/0")


def _door(place: _Place, store: str) -> _Way:
    """Start the two processes of a rival of doors.py."""
    sink = str(urlsplit(place.cct).port)
    env = {"STORE": store, "SINK_PORT": sink, "X_API_KEY": place.key, "DOOR_PORT": str(place.port)}
    python = f"{environment()}/python"
    for role in ("worker", "door"):
        place.start(role, [python, str(_DOORS), place.folder.name, role], **env)
    return lambda _answer: None, "/"


def _event_driven_ansible(place: _Place) -> _Way:
    _needs("java")
    rulebook, inventory = place.folder / "rulebook.yml", place.folder / "inventory"
    rulebook.write_text(_RULEBOOK.format(port=place.port, folder=place.folder))
    (place.folder / "playbook.yml").write_text(_PLAYBOOK.format(url=place.get, key=place.key))
    inventory.write_text(_INVENTORY)
    command = ["ansible-rulebook", "--rulebook", str(rulebook), "-i", str(inventory)]
    return _alone(place.start("ansible-rulebook", command)), "/endpoint"


def _webhook(place: _Place) -> _Way:
    _needs("webhook")
    script, hooks = place.folder / "script.sh", place.folder / "hooks.json"
    get = f"curl --silent --noproxy '*' -H 'X-API-Key: {place.key}' \"{place.get}$1\""
    script.write_text(f"#!/bin/sh\n{get}\n")
    script.chmod(0o755)
    given = [{"source": "payload", "name": "alerts.0.labels.id"}]
    hook = {"id": "alert", "execute-command": str(script), "pass-arguments-to-command": given}
    hooks.write_text(json.dumps([hook]))
    command = ["webhook", "-hooks", str(hooks), "-ip", HOST, "-port", str(place.port)]
    return _alone(place.start("webhook", command)), "/hooks/alert"


_START: Mapping[str, Callable[[_Place], _Way]] = {
    "procrastinate": _on_postgres,
    "dbos": _on_postgres,
    "celery": _on_redis,
    "ansible-rulebook": _event_driven_ansible,
    "webhook": _webhook,
}


def _needs(program: str) -> None:
    if shutil.which(program) is None:
        raise NotMeasured(f"there is no {program} on PATH")


def _alone(process: Process) -> Callable[[httpx.Response], object]:
    """Return how to wait until nothing that it started is left."""

    def settle(_answer: httpx.Response) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(each.children() for each in psutil.Process(process.pid).children()):
            if time.monotonic() > deadline:
                raise NotMeasured(f"its work did not end within {PATIENCE_SECONDS:g} s")
            time.sleep(0.02)

    return settle


def _wait_until_it_works(side: Side) -> None:
    """Send it alerts until one is taken and its GET arrives."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with httpx.Client(timeout=10, trust_env=False) as http:
        while True:
            try:
                side.alone(http)
            except (httpx.HTTPError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise NotMeasured(f"it does not work here: {error}") from error
                time.sleep(0.5)
            else:
                return
