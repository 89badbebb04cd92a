"""The demo repairs a canary, says so, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cct_ops.demo.story import gain
from cct_ops.gateway.senders.alertmanager import read
from cct_ops.models.alert import AlertStatus
from cct_ops.sandbox.alertmanager import message
from cct_ops.stack.config import StackConfig
from tests.conftest import ROOT
from tests.stack.polling import eventually, marked

COMMAND = Path(sys.executable).with_name("cct-ops")
SPOILT = {"CCT_URL": "http://127.0.0.1:9", "X_API_KEY": "real", "CCT_OPS_WATCH_SECONDS": "x"}


@contextlib.contextmanager
def demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the demo with its temporary files in ``folder``, and in a misleading environment."""
    with subprocess.Popen(
        [COMMAND, "demo"],
        cwd=ROOT,
        env=os.environ | SPOILT | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def nothing_is_left(folder: Path) -> bool:
    return marked(str(folder)) == [] and list(folder.glob("cct-ops-demo-*")) == []


@pytest.mark.timeout(300)
def test_the_demo_repairs_the_canary_and_leaves_nothing(tmp_path: Path) -> None:
    """Whatever the environment says about a real CCT; the times come in the order of the way."""
    with demo(tmp_path) as process:
        said, _ = process.communicate(timeout=280)

    assert process.returncode == 0, said
    assert nothing_is_left(tmp_path)
    steps = re.findall(r"^\d\d:\d\d:\d\d\.\d{3} +\d+\.\d\d s +(\S+ \S+|\S+)", said, re.MULTILINE)
    received, *both, permitted, action, read, verified = (step.split()[0] for step in steps)
    assert received == "received"
    assert sorted(both) == ["first", "run"]  # the controller looks while the run is made
    assert [permitted, action, read, verified] == ["permitted", "action", "read", "verified:"]
    assert "From the alert to the first look at CCT: " in said
    assert "Resolved: " in said
    assert "The sandbox itself says" in said


def test_the_gain_is_reported_beside_what_is_kept_and_where_it_was_measured(tmp_path: Path) -> None:
    """Without kept measurements nothing is claimed."""
    kept = json.loads((ROOT / "docs" / "benchmarks" / "results.json").read_text())
    warm, stock = (kept["steps"][side]["probing"]["median"] for side in ("ours", "stock"))

    assert gain(0.3, tmp_path) == "From the alert to the first look at CCT: 0.30 s."
    text = gain(0.3, ROOT)
    assert f"after {warm:.2f} s, with Prefect's process worker after {stock:.1f} s" in text
    assert kept["measured_on"] in text
    assert kept["machine"]["cpu"] in text
    assert f"load average {kept['machine']['load_average_before'][1]:.1f}" in text


def test_an_interrupted_demo_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        assert process.stdout is not None
        assert "✓" in process.stdout.readline()
        process.send_signal(signal.SIGINT)

        assert process.wait(60) == 130
        assert nothing_is_left(tmp_path)


def test_a_killed_demo_leaves_no_process(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        assert process.stdout is not None
        assert "✓" in process.stdout.readline()
        process.kill()

        eventually(lambda: marked(str(tmp_path)) == [])


def test_without_alertmanager_its_very_body_is_sent() -> None:
    """What the gateway reads from it is the one firing alert."""
    labels = {"alertname": "CanaryRolledBack", "route": "/daily-summary"}
    began = datetime(2026, 1, 1, tzinfo=UTC)

    reading = read(json.dumps(message(labels, {"summary": "s"}, began)).encode())

    (fired,) = reading.alerts
    assert (fired.status, fired.labels, fired.ends_at) == (AlertStatus.FIRING, labels, None)


def test_an_isolated_stack_knows_nothing_of_the_callers_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A demo must never act on the CCT that the shell happens to be set up for."""
    for name in ("CCT_URL", "X_API_KEY", "SLACK_WEBHOOK_URL", "PREFECT_API_URL", "CCT_OPS_X"):
        monkeypatch.setenv(name, "the caller's")
    monkeypatch.chdir(ROOT)

    environment = StackConfig.ephemeral(tmp_path, {"CCT_OPS_WATCH_SECONDS": "1"}).environment

    assert "the caller's" not in environment.values()
    assert environment["CCT_OPS_WATCH_SECONDS"] == "1"
    assert environment["PATH"] == os.environ["PATH"]
