"""A real Prometheus reads a real stack: every metric arrives, and a part that is killed alarms."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml
from pydantic import SecretStr

from cct_ops.models.cct import Route
from cct_ops.stack.metrics_ports import METRICS_PORTS
from cct_ops.stack.postgres import free_port
from tests.deployments.promtool import FOLDER, PROMETHEUS, RULES
from tests.end_to_end.conftest import Stack
from tests.exposed import exposed
from tests.gateway.running import running
from tests.plain import HTTP
from tests.stack.polling import eventually

pytestmark = [
    pytest.mark.timeout(400),  # a stack on a busy machine
    pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed"),
]

PARTS = ("gateway", "controller", "worker")


class Prometheus:
    """One that runs."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, path: str) -> Any:
        """Return what its API answers; None while it does not."""
        try:
            answer = HTTP.get(f"{self._url}/api/v1/{path}")
        except httpx.HTTPError:
            return None
        return answer.json()["data"] if answer.status_code == 200 else None

    def value(self, query: str) -> float:
        """The value of one series; 0 where there is none."""
        found = self.ask(f"query?query={quote(query)}")["result"]
        return float(found[0]["value"][1]) if found else 0.0

    def firing(self) -> set[tuple[str, str]]:
        """Which alerts fire, and about which instance."""
        return {
            (alert["labels"]["alertname"], alert["labels"].get("instance", ""))
            for alert in self.ask("alerts")["alerts"]
            if alert["state"] == "firing"
        }


@contextmanager
def prometheus(folder: Path, targets: dict[str, list[str]]) -> Iterator[Prometheus]:
    """Run one that looks each second and does not wait before it alarms."""
    rules = re.sub(r"^ +for: .*\n", "", (FOLDER / "alerts.yaml").read_text(), flags=re.MULTILINE)
    (folder / "alerts.yaml").write_text(rules)
    config = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": targets[job["job_name"]]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    command = [
        PROMETHEUS or "",
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            one = Prometheus(f"http://{address}")
            eventually(lambda: one.ask("rules"))
            yield one
        finally:
            process.send_signal(signal.SIGTERM)


def test_prometheus_reads_every_metric_and_alarms_when_a_part_is_killed(
    stack: Stack, ledger_url: SecretStr, tmp_path: Path
) -> None:
    ports = [stack.env[name] for name in METRICS_PORTS]
    targets = {
        f"cct-ops-{part}": [f"127.0.0.1:{port}"] for part, port in zip(PARTS, ports, strict=True)
    }
    port = free_port()
    another = f"127.0.0.1:{port}"
    targets["cct-ops-gateway"].append(another)
    wanted = {(each.name, each.kind) for each in exposed()}
    url, log = ledger_url.get_secret_value(), tmp_path / "gateway.log"
    with (
        running(url, log, CCT_OPS_METRICS_PORT=str(port)) as gateway,
        prometheus(tmp_path, targets) as one,
    ):

        def known() -> set[tuple[str, str]]:
            """All metrics that it was told of."""
            told = one.ask("metadata") or {}
            return {(name.removesuffix("_total"), each[0]["type"]) for name, each in told.items()}

        eventually(lambda: wanted <= known())
        assert sum(len(group["rules"]) for group in one.ask("rules")["groups"]) == len(RULES)
        eventually(lambda: ("CctOpsWatchdog", "") in one.firing())
        assert ("CctOpsPartDown", another) not in one.firing()

        stack.start("auto-rollback", target=Route.INTRADAY_CHECK.value, mode="observe")
        mine = 'cct_ops_worker_runs_%s_total{playbook="auto-rollback"%s}'
        eventually(lambda: one.value(mine % ("started", "")) >= 1, seconds=120)
        eventually(lambda: one.value(mine % ("ended", ',end="exited"')) >= 1, seconds=120)
        assert one.value("cct_ops_worker_start_seconds_count") >= 1

        gateway.process.kill()
        eventually(lambda: ("CctOpsPartDown", another) in one.firing())
        assert [each for each in one.firing() if each[0] == "CctOpsPartDown"] == [
            ("CctOpsPartDown", another)
        ]
