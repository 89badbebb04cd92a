"""What is read ahead of a run is what its first look takes, and nothing later takes it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import pytest
import sqlalchemy as sa

from cct_ops.clients.first_looks import FIRST_LOOKS
from cct_ops.controller.early_looks import looking_ahead
from cct_ops.ledger.gate.tables import run_reads
from cct_ops.ledger.intake import outbox
from cct_ops.models.run import Outcome, incident_tag
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from cct_ops.scenarios import seeds
from tasks.connections import settings
from tests.flows.deployment_run import DeploymentRun, deployment_run
from tests.ledger.alerts import opened
from tests.stack.polling import eventually

PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "auto-rollback": {"target": seeds.ROUTE},
    "canary-issue": {"target": seeds.ROUTE},
    "rate-limiting": {"target": "canaryManagement"},
}


def looked_ahead(
    engine: sa.Engine, sandbox: SandboxControl, playbook: str, *, reads: int | None = None
) -> UUID:
    """Have an incident whose playbook's reads are made; wait for the answers, or so many."""
    incident = opened(engine)
    with engine.begin() as tx:
        outbox.enqueue(tx, [incident], outbox.REMEDIATE)
    claim = outbox.claim(engine, outbox.REMEDIATE, 60)
    assert claim is not None
    with looking_ahead(engine, settings()) as ask:
        ask(playbook, claim.created_at)
        eventually(lambda: len(sandbox.requests()) >= (reads or len(FIRST_LOOKS[playbook])))
    assert all(each.status is not None for each in sandbox.requests())
    return incident


def own_reads(engine: sa.Engine, run: DeploymentRun) -> list[bool]:
    """Say of each read of a run, in their order, whether it sent the request itself."""
    query = sa.select(run_reads.c.own).where(run_reads.c.run_id == run.run_id)
    with engine.connect() as connection:
        return list(connection.execute(query.order_by(run_reads.c.id)).scalars())


@pytest.mark.parametrize("playbook", FIRST_LOOKS)
def test_a_run_that_only_looks_asks_cct_for_nothing_again(
    playbook: str, sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """Each read of it is in the record, as one that was made ahead."""
    tag = incident_tag(looked_ahead(engine, sandbox, playbook))
    ahead = sandbox.requests()

    parameters = {**PARAMETERS.get(playbook, {}), "mode": "observe"}
    with deployment_run(engine, playbook, [tag], **parameters) as run:
        assert run.work() is not None
        later = [each.path for each in sandbox.requests()[len(ahead) :]]
        reads = own_reads(engine, run)

    # Only where nobody is refused does it send a burst, which is no look at what CCT says.
    assert [path for path in later if playbook != "rate-limiting"] == []
    assert len(ahead) == len(FIRST_LOOKS[playbook])
    assert reads[: len(ahead)] == [False] * len(ahead)


def test_the_look_under_the_lock_is_a_fresh_one(sandbox: SandboxControl, engine: sa.Engine) -> None:
    """What has changed since the alert is seen there."""
    sandbox.roll_back(seeds.ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    tag = incident_tag(looked_ahead(engine, sandbox, "auto-rollback"))
    ahead = len(FIRST_LOOKS["auto-rollback"])

    with deployment_run(engine, "auto-rollback", [tag], target=seeds.ROUTE, mode="auto") as run:
        assert run.work() == Outcome.RESOLVED
        reads = own_reads(engine, run)

    assert reads[:ahead] == [False] * ahead
    assert all(reads[ahead:])
    assert len(reads) >= 2 * ahead


def test_a_run_that_waited_for_a_yes_looks_itself(
    sandbox: SandboxControl, engine: sa.Engine
) -> None:
    sandbox.roll_back(seeds.ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    tag = incident_tag(looked_ahead(engine, sandbox, "auto-rollback"))

    with deployment_run(engine, "auto-rollback", [tag], target=seeds.ROUTE, mode="approve") as run:
        run.work()
        before = len(own_reads(engine, run))
        run.approve()
        assert run.work() == Outcome.RESOLVED
        reads = own_reads(engine, run)

    assert before > 0
    assert not any(reads[:before])
    assert all(reads[before:])


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path="/api/v1/canary/status", error_status=503),
        Fault(path="/api/v1/canary/status", too_many_requests_retry_after="1"),
    ],
    ids=["an error", "a refusal"],
)
def test_what_was_no_answer_ahead_is_asked_for_again(
    fault: Fault, sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """The run is not worse off for it. After a refusal nobody asks for the rest ahead of it."""
    sandbox.faults(fault)
    tag = incident_tag(looked_ahead(engine, sandbox, "auto-rollback", reads=1))
    sandbox.clear_faults()

    with deployment_run(engine, "auto-rollback", [tag], target=seeds.ROUTE, mode="observe") as run:
        assert run.work() == Outcome.RECOMMENDED
        query = sa.select(run_reads.c.own).where(
            run_reads.c.run_id == run.run_id, run_reads.c.key == "canary/status"
        )
        with engine.connect() as connection:
            assert connection.execute(query).scalars().all() == [True]
