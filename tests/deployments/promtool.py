"""Prometheus's own checker, and the files of ours that it reads."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.conftest import ROOT

PROMTOOL = shutil.which("promtool")
PROMETHEUS = shutil.which("prometheus")
FOLDER = ROOT / "deployments" / "monitoring"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]


class Query(NamedTuple):
    """One expression, and where it stands."""

    place: str
    text: str


def queries() -> Iterator[Query]:
    """Yield the expressions of all rules and of all panels of the dashboard."""
    for rule in RULES:
        yield Query(rule["alert"], " ".join(rule["expr"].split()))
    for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", ()):
            text = target["expr"].replace("$__rate_interval", "5m")
            yield Query(f"{panel['title']} {target['refId']}", text)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Let promtool check something."""
    assert PROMTOOL is not None
    return subprocess.run(
        [PROMTOOL, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def check_rules(path: Path, rules: Sequence[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Let promtool read these rules."""
    path.write_text(yaml.safe_dump({"groups": [{"name": "checked", "rules": list(rules)}]}))
    return promtool("check", "rules", str(path))
