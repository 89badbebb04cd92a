"""A real Alertmanager, as Debian packages it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cct_ops.stack.postgres import free_port
from soak.parts import answers

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")

needed = pytest.mark.skipif(BINARY is None, reason="no Alertmanager is installed")


class Alertmanager:
    """One process, not clustered."""

    def __init__(self, folder: Path, hook: str, key: str) -> None:
        folder.mkdir(exist_ok=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        receiver = {
            "name": "cct-ops",
            "webhook_configs": [
                {
                    "url": hook,
                    "http_config": {"authorization": {"credentials": key}},
                    "max_alerts": 0,
                }
            ],
        }
        route = {
            "receiver": "cct-ops",
            "group_by": ["..."],
            "group_wait": "100ms",
            "group_interval": "1s",
            "repeat_interval": "1h",
        }
        config = folder / "alertmanager.json"
        config.write_text(json.dumps({"route": route, "receivers": [receiver]}))
        self._command = [
            BINARY or "",
            f"--config.file={config}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--cluster.listen-address=",
        ]
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        answers(f"{self.url}/-/ready", 30)

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def tell(self, name: str, *, began: datetime, ended: datetime | None = None) -> None:
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
def alertmanagers(folder: Path, count: int, hook: str, key: str) -> Iterator[list[Alertmanager]]:
    """Run so many for the length of the block."""
    made = [Alertmanager(folder / f"am-{n}", hook, key) for n in range(count)]
    try:
        for each in made:
            each.start()
        yield made
    finally:
        for each in made:
            each.kill()
