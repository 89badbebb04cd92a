"""The auto-rollback playbook and GitHub: what was deployed, and deploying anew."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from prefect.client.schemas.objects import State

from cct_ops.diagnoses.rollback_plan import Option
from cct_ops.models.cct import Route
from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.github_inputs import GitHubSeed, SeededCommit, SeededRun
from cct_ops.sandbox.inputs import Fault
from flows.auto_rollback import auto_rollback
from tasks.connections import settings
from tests.flows.run_assertions import final, known

ROUTE = Route.PRE_MARKET_BRIEFING
SEED = GitHubSeed(
    commits=(
        SeededCommit(sha="c1", message="Good"),
        SeededCommit(sha="c2", message="Cache less", files=("src/routes/briefing.ts",)),
    ),
    runs=(
        SeededRun(id=7, head_sha="c1", minutes_ago=60),
        SeededRun(
            id=8, head_sha="c2", minutes_ago=12, log="2026-01-01T00:00:00.0Z Uploaded\nexit 0"
        ),
    ),
)


@pytest.fixture(autouse=True)
def pulled(sandbox: SandboxControl) -> None:
    """Auto-rollback pulled the canary ten minutes ago, two minutes after a deployment."""
    sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    sandbox.seed_github(SEED)


run = partial(final, auto_rollback, ROUTE)


def seen(engine: sa.Engine, state: State[Any]) -> dict[str, str]:
    """What the last decision rested on."""
    decision = known(engine, state).decisions[-1]
    return {fact.source: fact.observed for fact in decision.evidence}


def test_the_evidence_holds_the_deployment_its_log_its_commits_and_files(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    found = seen(engine, run(mode=Mode.OBSERVE))

    assert found["deploy.yml"].startswith("c2 at ")
    assert found["deployment log"] == "Uploaded / exit 0"
    assert found["commits since the last good one"] == "c2 Cache less (Ada)"
    assert found["files changed since then"] == "src/routes/briefing.ts"


def test_a_canary_is_put_back_without_github_too(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    sandbox.faults(Fault(path="/github/", error_status=503))

    ended = run(mode=Mode.AUTO)

    assert ended.name == "Resolved"
    assert "answered 503" in seen(engine, ended)["deployments"]


def test_a_redeploy_without_github_says_why_it_cannot_be(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GH_TOKEN")
    settings.cache_clear()

    ended = run(mode=Mode.AUTO, option=Option.REDEPLOY)

    assert "deploying anew needs GitHub. GH_TOKEN is not set" in (ended.message or "")
