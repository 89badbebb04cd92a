"""
Each container of the compose file, without Docker: in the image's bare root, as its entry says.

Its command, variables, secrets, rules and health check are those of the file; only addresses are of
this machine, where PostgreSQL and Redis are real. Each part is the first process of its container.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest

from cct_ops.stack.postgres import EmbeddedPostgres, free_port
from tests.conftest import administrator
from tests.deployments.bare_root import NEEDED, Stage
from tests.deployments.test_compose import NOT_OURS, ONCE, make_secrets, read_project
from tests.deployments.tools import needs_tools
from tests.stack.polling import eventually

MISSING = [name for name in (*NEEDED, "redis-server") if shutil.which(name) is None]

pytestmark = [
    needs_tools,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(os.getuid() != 0, reason="only root may mount and change the root"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]

PLACES = ("run/secrets", "run/record")  # an engine makes what it mounts at
USER = 10001


@dataclass
class Machine:
    """Where the containers run, and what was made for them."""

    image: Stage
    folder: Path
    project: Mapping[str, Any]
    addresses: Mapping[str, str]
    logs: dict[str, Path] = field(default_factory=dict)

    def argv(self, service: str, *words: str) -> list[str]:
        """Return the command line of a process in the service's container."""
        entry = self.project["services"][service]
        binds = {"/run/secrets": self._secrets(service, entry)}
        for volume in entry.get("volumes", ()):
            source = volume["source"] if volume["type"] == "bind" else self._volume(service)
            binds[volume["target"]] = Path(source)
        env = {name: str(value) for name, value in entry["environment"].items()}
        moved = {name: value for name, value in self.addresses.items() if name in env}
        ports = {name: value for name, value in self.addresses.items() if name.endswith("_PORT")}
        wanted = words or (*self.image.entrypoint, *entry["command"])
        return self.image.argv(wanted, binds=binds, read_only=True, env={**env, **moved, **ports})

    def _secrets(self, service: str, entry: Mapping[str, Any]) -> Path:
        folder = self.folder / "mounted" / service
        folder.mkdir(parents=True, exist_ok=True)
        for secret in entry.get("secrets", ()):
            shutil.copy2(self.project["secrets"][secret["source"]]["file"], folder)
        return folder

    def _volume(self, service: str) -> Path:
        folder = self.folder / "volumes" / service
        if not folder.exists():
            folder.mkdir(parents=True)
            os.chown(folder, USER, USER)
        return folder

    def ends(self, service: str) -> None:
        """Run a container to its end."""
        ended = subprocess.run(
            self.argv(service), capture_output=True, text=True, check=False, timeout=300
        )
        assert ended.returncode == 0, f"{service}: {ended.stdout}{ended.stderr}"

    @contextmanager
    def running(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a container until it is told to stop, which it does in its own way."""
        self.logs[service] = log = self.folder / f"{service}.log"
        with log.open("wb") as output:
            process = self._started(service, output)
            try:
                yield process
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    code = process.wait(60)
                finally:
                    process.kill()  # and all that is in the container
                    process.wait()
        assert code in {0, 128 + signal.SIGTERM}, f"{service} ended with {code}: {log.read_text()}"

    def _started(self, service: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.argv(service), stdout=output, stderr=output, start_new_session=True
        )

    def is_healthy(self, service: str) -> bool:
        """Ask as the file says that Docker asks."""
        asked, *words = self.project["services"][service]["healthcheck"]["test"]
        assert asked == "CMD"
        return subprocess.run(self.argv(service, *words), check=False).returncode == 0


@pytest.fixture
def machine(image: Stage, postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Machine]:
    """The secrets of the page, with the addresses of a real PostgreSQL and a real Redis."""
    tmp_path.chmod(0o755)
    for place in PLACES:
        (image.root / place).mkdir(parents=True, exist_ok=True)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    make_secrets(secrets)
    redis, api = free_port(), free_port()
    for name in ("of_containers", "prefect_of_containers"):
        administrator(postgres).execute(f"create database {name}".encode())
    urls = {
        "CCT_OPS_DATABASE_URL": postgres.url("of_containers"),
        "PREFECT_API_DATABASE_CONNECTION_URL": postgres.asyncpg_url("prefect_of_containers"),
        "CCT_OPS_REDIS_URL": f"redis://127.0.0.1:{redis}/0",
    }
    for name, url in urls.items():
        (secrets / name).write_text(url)
    addresses = {
        "CCT_URL": "http://127.0.0.1:9",
        "PREFECT_API_URL": f"http://127.0.0.1:{api}/api",
        "PREFECT_SERVER_API_PORT": str(api),
        **{
            f"CCT_OPS_{part}_PORT": str(free_port())
            for part in ("GATEWAY", "BOARD", "METRICS", "CONTROLLER_METRICS", "WORKER_METRICS")
        },
    }
    server = ("redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", "")
    with subprocess.Popen(server, stdout=subprocess.DEVNULL, cwd=tmp_path) as process:
        yield Machine(image, tmp_path, read_project(secrets), addresses)
        process.terminate()


def test_each_container_starts_is_healthy_and_stops_in_order(machine: Machine) -> None:
    services = machine.project["services"].keys() - NOT_OURS - ONCE
    first = ("prefect-api", "prefect-services")
    machine.ends("migrate")
    with ExitStack() as up:
        running = {service: up.enter_context(machine.running(service)) for service in first}
        eventually(lambda: machine.is_healthy("prefect-api"), seconds=180)
        machine.ends("deploy")
        for service in sorted(services - set(first)):
            running[service] = up.enter_context(machine.running(service))
        for service in services - {"prefect-services"}:
            eventually(partial(machine.is_healthy, service), seconds=180)

        ended = [service for service, process in running.items() if process.poll() is not None]
        assert ended == []

    for service, log in machine.logs.items():
        for trouble in ("Read-only file system", "Permission denied", "Traceback"):
            assert trouble not in log.read_text(), f"{service}: {log.read_text()}"
