"""Playbooks run in this process, against the real Prefect server, ledger and sandbox."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml
from prefect import Task
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)
from pydantic import SecretStr

from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios import seeds
from cct_ops.scenarios.every import DRAFTS
from tasks.connections import settings
from tests.conftest import API_KEY, ROOT
from tests.controller.running import Playbook
from tests.flows.crash_harness import ALL, CrashHarness, crash_harness
from tests.flows.golden import hold, path_of, record
from tests.flows.running_experiment import close_gates
from tests.flows.upkeep import ANYTHING, know_where_results_are


@pytest.fixture(scope="package", autouse=True)
def prefect_settings(prefect_api_url: str) -> Iterator[None]:
    """
    Work with the real server: once for all tests, as Prefect reads everything anew for each change.

    Logs to the API would outlive the server at the end of the session. And the thread that sends
    Prefect's heartbeats sleeps by the second: to join it would hold up the end of every run.
    """
    with (
        pytest.MonkeyPatch.context() as patch,
        temporary_settings(
            {
                PREFECT_API_URL: prefect_api_url,
                PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False,
                PREFECT_LOGGING_TO_API_ENABLED: False,
                PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            }
        ),
    ):
        know_where_results_are(patch)
        yield


@pytest.fixture(scope="package")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy under which the playbooks that we ship may act alone, and no guard is in the way."""
    shipped = yaml.safe_load((ROOT / "deployments" / "policy.yaml").read_text())["playbooks"]
    playbooks = {name: each | {"ceiling": "auto"} for name, each in shipped.items()}
    guards = Path(__file__).with_name("policy.yaml").read_text()
    path = tmp_path_factory.mktemp("lenient") / "policy.yaml"
    path.write_text(guards + yaml.safe_dump({"playbooks": playbooks}))
    return path


@pytest.fixture(autouse=True)
def playbook_environment(
    monkeypatch: pytest.MonkeyPatch, ledger_url: SecretStr, sandbox: SandboxControl, lenient: Path
) -> Iterator[None]:
    """What a worker's environment holds; the watch is short and CCT settles at once."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CCT_URL", sandbox.base_url)
    monkeypatch.setenv("X_API_KEY", API_KEY)
    monkeypatch.setenv("GITHUB_API_URL", f"{sandbox.base_url}/github")
    monkeypatch.setenv("GITHUB_REPOSITORY", "example/cct")
    monkeypatch.setenv("GH_TOKEN", "token")
    monkeypatch.setenv("SLACK_WEBHOOK_URL", f"{sandbox.base_url}/slack/incidents")
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", ledger_url.get_secret_value())
    monkeypatch.setenv("CCT_OPS_POLICY_PATH", str(lenient))
    monkeypatch.setenv("CCT_OPS_WATCH_SECONDS", "1.5")
    monkeypatch.setenv("CCT_OPS_MIN_SAMPLES", "5")
    monkeypatch.setenv("CCT_OPS_SETTLE_SECONDS", "1")
    monkeypatch.setenv("CCT_OPS_LOCK_WAIT_SECONDS", "2")
    monkeypatch.setenv("CCT_OPS_REQUESTS_PER_MINUTE", "600")  # as the sandbox has no limits either
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(autouse=True)
def retries_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What gets no answer is asked for again as often as ever, without the pauses between."""
    for name in [each for each in sys.modules if each.startswith("tasks.")]:
        for found in vars(sys.modules[name]).values():
            if isinstance(found, Task) and found.retry_delay_seconds:
                monkeypatch.setattr(found, "retry_delay_seconds", [0])


@pytest.fixture
def bot(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxControl) -> None:
    """Notices go into threads."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-a-bot")
    monkeypatch.setenv("CCT_OPS_SLACK_CHANNEL", "incidents")
    monkeypatch.setenv("CCT_OPS_SLACK_API_URL", f"{sandbox.base_url}/slack/api")
    settings.cache_clear()


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A policy file of this test's own."""
    path = tmp_path / "policy.yaml"
    monkeypatch.setenv("CCT_OPS_POLICY_PATH", str(path))
    settings.cache_clear()
    return path


@pytest.fixture
def upkeep(prefect_api_url: str) -> None:
    """The deployments that scheduled reverts and recoveries are runs of; nothing works on them."""
    for name in ("revert-change", "recover"):
        Playbook(prefect_api_url, name).deploy(ANYTHING)


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxControl) -> Iterator[None]:
    """A second of watching is enough where a canary serves a hundred requests in it."""
    monkeypatch.setenv("CCT_OPS_WATCH_SECONDS", "1")
    settings.cache_clear()
    sandbox.profile(seeds.ROUTE, requests_per_second=500)
    yield
    close_gates()


@pytest.fixture
def golden(
    request: pytest.FixtureRequest, engine: sa.Engine, sandbox: SandboxControl
) -> Iterator[None]:
    """What the test leaves behind is what its golden file says."""
    yield
    (case,) = request.node.callspec.params.values()  # a row of the matrix
    if case.playbook not in DRAFTS:
        hold(path_of(request.node.function.__name__, case), record(engine, sandbox))


@pytest.fixture(scope="module")
def preloaded_harness(prefect_api_url: str) -> Iterator[CrashHarness]:
    """The process whose children die, of whatever playbook."""
    with crash_harness(prefect_api_url, ALL) as parent:
        yield parent


@pytest.fixture(scope="module")
def harness(prefect_api_url: str) -> Iterator[CrashHarness]:
    """The same, cheaper where few playbooks die: each is imported when it is first worked on."""
    with crash_harness(prefect_api_url) as parent:
        yield parent


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxControl) -> dict[str, str]:
    """The environment of a child, which is soon taken for dead and never tired of waiting."""
    monkeypatch.setenv("CCT_OPS_LEASE_SECONDS", "0.3")
    settings.cache_clear()
    mine = ("CCT_", "SLACK_", "GITHUB_", "GH_TOKEN", "X_API_KEY")
    here = {name: value for name, value in os.environ.items() if name.startswith(mine)}
    return here | {"CCT_OPS_REQUEST_TIMEOUT_SECONDS": "60"}
