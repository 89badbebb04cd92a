"""The chaos-failure playbook: what is going on is stopped, and the failure gets its name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
import sqlalchemy as sa

from cct_ops.diagnoses.chaos_failure import Retest
from cct_ops.ledger.gate import changes
from cct_ops.models.change import ChangeState
from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.github_inputs import GitHubSeed, SeededRun
from cct_ops.sandbox.inputs import Fault
from flows.chaos_failure import chaos_failure
from tests.flows import running_experiment
from tests.flows.run_assertions import final
from tests.flows.upkeep import ANYTHING, deployed, ended

pytestmark = pytest.mark.usefixtures("upkeep")


@pytest.fixture
def experiment(sandbox: SandboxControl, upkeep: None) -> Iterator[None]:
    """An experiment that is going on."""
    running_experiment.start(sandbox)
    yield
    running_experiment.close_gates()


run = partial(final, chaos_failure, mode=Mode.AUTO)


@pytest.mark.usefixtures("experiment")
def test_what_goes_on_is_stopped_and_a_retest_is_started(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    experiments = deployed("chaos-experiment")
    experiments.deploy(ANYTHING)
    assert ended(run(mode=Mode.OBSERVE)) == ("Recommended", "COMPLETED")
    assert len(sandbox.state().chaos_faults) == 1

    found = run(retest=Retest.RUN)

    assert ended(found) == ("Resolved", "COMPLETED"), found.message
    assert "Test again with kv-partial moderate for 3 minutes" in (found.message or "")
    assert sandbox.state().chaos_faults == ()
    (change,) = changes.listed(engine, ended=True)
    assert change.state is ChangeState.REVERTED
    asked = [each["parameters"] for each in experiments.runs() if each["deployment_id"]]
    assert {"chaos": "kv-partial", "severity": "moderate", "minutes": 3.0, "mode": "auto"} in asked


def test_a_system_that_serves_badly_without_any_fault_did_not_recover(
    sandbox: SandboxControl,
) -> None:
    sandbox.faults(Fault(path="/api/v1/data/symbols", error_status=500))
    sandbox.seed_github(GitHubSeed(runs=(SeededRun(id=8, conclusion="failure"),)))

    found = run()

    assert "the system does not recover" in (found.message or "")
    (deployed,) = [each for each in found.result().evidence if each.source == "deploy.yml"]
    assert "failure" in deployed.observed
    assert sandbox.writes() == []


def test_a_cct_that_ignores_chaos_has_nothing_to_stop(sandbox: SandboxControl) -> None:
    sandbox.reset(dialect="bare", limits=False)

    assert ended(run()) == ("Nothing to do", "COMPLETED")
