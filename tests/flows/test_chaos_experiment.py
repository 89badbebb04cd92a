"""The chaos-experiment playbook: it hurts staging only, and what it injects never stays."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.states import Completed

from cct_ops.controller import changes as sweeper
from cct_ops.ledger.gate import changes
from cct_ops.ledger.record import journal
from cct_ops.models.change import ChangeState, TemporaryChange
from cct_ops.models.journal import Phase
from cct_ops.models.run import Mode
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from flows.chaos_experiment import chaos_experiment
from flows.revert_change import revert_change
from tasks.connections import settings
from tests.conftest import ROOT
from tests.flows.run_assertions import final
from tests.flows.upkeep import ended
from tests.stack.polling import eventually

pytestmark = pytest.mark.usefixtures("upkeep")

# For about a second.
run = partial(final, chaos_experiment, minutes=0.02, mode=Mode.AUTO)


def test_staging_suffers_recovers_and_the_journal_shows(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    found = run()

    assert ended(found) == ("Resolved", "COMPLETED"), found.message
    assert [write.method for write in sandbox.writes()] == ["POST", "DELETE"]
    assert sandbox.state().chaos_faults == ()
    (change,) = changes.listed(engine, ended=True)
    assert change.state is ChangeState.REVERTED
    looks = journal.read(engine, change.run_id)
    assert {look.phase for look in looks} == set(Phase) - {Phase.ORDERED}
    slowed = next(look for look in looks if look.phase is Phase.DURING)
    assert all(each.latency_ms >= 500 for each in slowed.samples)


@pytest.mark.parametrize("where", ["production", "bare"])
def test_what_is_not_staging_is_left_alone(sandbox: SandboxControl, where: str) -> None:
    if where == "bare":
        sandbox.reset(dialect="bare", limits=False)
    else:
        sandbox.chaos(environment=where)

    found = run()

    said = {"bare": "This CCT ignores chaos", "production": "only staging may be hurt"}
    assert ended(found) == ("Blocked", "FAILED")
    assert said[where] in (found.message or "")
    assert sandbox.writes() == []


def test_an_experiment_that_breaks_in_the_middle_is_taken_back(sandbox: SandboxControl) -> None:
    def breaks() -> None:
        """Let CCT answer what nobody knows, once the fault is in."""
        eventually(lambda: sandbox.state().chaos_faults != ())
        sandbox.faults(Fault(path="/api/v1/slo/status", malformed="data"))

    with ThreadPoolExecutor(1) as pool:
        broken = pool.submit(breaks)
        found = run(minutes=0.1)
        broken.result()

    assert ended(found) == ("Undone", "FAILED")
    assert "GET /api/v1/slo/status is not as we know it" in (found.message or "")
    assert sandbox.state().chaos_faults == ()


KILLED = """
from cct_ops.models.run import Mode
from flows.chaos_experiment import chaos_experiment
chaos_experiment(minutes=10, mode=Mode.AUTO)
"""


def first_scheduled_revert_comes(change: TemporaryChange) -> None:
    """Be it: as the run lives, the fault's time was extended."""
    assert ended(final(revert_change, change.id)) == ("Nothing to do", "COMPLETED")
    with get_client(sync_client=True) as client:
        assert change.scheduled_revert_id is not None
        client.set_flow_run_state(change.scheduled_revert_id, Completed(), force=True)


def test_faults_are_gone_soon_after_their_process_was_killed(
    sandbox: SandboxControl,
    engine: sa.Engine,
    prefect_api_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Long before the end of the experiment, and although the dead run still has its lock."""
    monkeypatch.setenv("CCT_OPS_FAULT_LEASE_SECONDS", "5")
    environment = os.environ | {
        "PREFECT_API_URL": prefect_api_url,
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
    }
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-c", KILLED], cwd=ROOT, env=environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            eventually(lambda: sandbox.state().chaos_faults != (), seconds=90)
            (change,) = changes.listed(engine)
            first_scheduled_revert_comes(change)
        finally:
            process.kill()
    assert len(sandbox.state().chaos_faults) == 1

    eventually(lambda: sweeper.sweep(engine, settings(), Notifier(engine), grace_seconds=0) == 1)
    assert ended(final(revert_change, change.id)) == ("Resolved", "COMPLETED")

    assert sandbox.state().chaos_faults == ()
    assert changes.read(engine, change.id).state is ChangeState.REVERTED
