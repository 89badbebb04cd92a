"""A probe reads: whatever it is asked, the system is afterwards what it was before."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest
from prefect import Task, flow

from cct_ops.models.cct import Route
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.github_inputs import GitHubSeed, SeededRun
from tests.conftest import ROOT
from tests.flows.run_assertions import final

MODULES = [
    path.stem
    for pattern in ("diagnose*", "validate", "deployment", "verify", "staging", "chaos_failure")
    for path in sorted((ROOT / "tasks").glob(f"{pattern}.py"))
]
# By name, as one module imports the probe of another.
PROBES = {
    name: value
    for module in MODULES
    for name, value in vars(import_module(f"tasks.{module}")).items()
    if isinstance(value, Task) and name.startswith("probe_")
}
# What the parameters of probes are filled with; a new probe's new parameter belongs here.
ARGUMENTS: dict[str, Any] = {
    "title": "An issue",
    "route": Route.PRE_MARKET_BRIEFING,
    "workflow": "deploy.yml",
    "path": "test-summary.json",
    "run_id": 7,
    "as_canary": True,
}


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_a_probe_changes_nothing(sandbox: SandboxControl, probe: Task[..., Any]) -> None:
    sandbox.roll_back(Route.PRE_MARKET_BRIEFING, "p95_latency_ms", observed=6200, threshold=5000)
    sandbox.seed_github(GitHubSeed(runs=(SeededRun(id=7),)))
    needed = [
        name
        for name, parameter in inspect.signature(probe.fn).parameters.items()
        if parameter.default is inspect.Parameter.empty
    ]
    before = sandbox.state()

    @flow
    def looking() -> None:
        probe(**{name: ARGUMENTS[name] for name in needed})

    ended = final(looking)

    assert ended.is_completed(), ended.message
    assert sandbox.writes() == []
    assert sandbox.github().writes == ()
    assert sandbox.state() == before
