"""
Every playbook that acts ends exactly once, wherever its process is killed.

The runs are of deployments and have the approval that they need, as in operation. What counts is
the truth in the sandbox: as before the run, or changed once, or left to a person who is notified.
"""

from __future__ import annotations

import os
import signal
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate import approval_answers, changes, locks
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.tables import permits
from cct_ops.ledger.record import account
from cct_ops.ledger.record.tables import resolutions
from cct_ops.models.change import ChangeState
from cct_ops.models.plan import Plan
from cct_ops.models.run import Run
from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios import truths
from cct_ops.scenarios.scenario import Scenario
from tests.approvals.parts import ANNA, asked
from tests.flows import crash_points
from tests.flows.crash_harness import EVERY_CRASH_POINT, CrashHarness, killed_at
from tests.flows.crash_points import At, CrashPoint
from tests.flows.deployment_run import flow_of
from tests.flows.reaping import reap, recovery_of
from tests.flows.run_assertions import final, known
from tests.flows.upkeep import pending

pytestmark = pytest.mark.usefixtures("upkeep")

CHOSEN = crash_points.ALL if EVERY_CRASH_POINT else crash_points.TELLING
# What a person was shown is the same however the run dies.
PLANS: dict[str, Plan] = {}


def approve(engine: sa.Engine, scenario: Scenario, run_id: UUID) -> None:
    """Let a person say yes to what the run will plan, as an observing run shows it."""
    if str(scenario) not in PLANS:
        observed = final(flow_of(scenario.playbook), **scenario.parameters, mode="observe")
        assert observed.name == "Recommended", observed.message
        (seen,) = known(engine, observed).decisions
        PLANS[str(scenario)] = seen.plan
    run = Run(id=run_id, name="approved", playbook=scenario.playbook, incident_id=None)
    approval = asked(engine, run, PLANS[str(scenario)])
    approval_answers.answer(
        engine, approval.id, Answer.of(ANNA, "link", approved=True), person=ANNA
    )


@pytest.mark.parametrize("point", CHOSEN, ids=str)
def test_a_killed_playbook_ends_once(
    point: CrashPoint,
    sandbox: SandboxControl,
    engine: sa.Engine,
    preloaded_harness: CrashHarness,
    short_lease: dict[str, str],
) -> None:
    scenario = point.scenario
    (scenario.killed.seed or scenario.seed)(sandbox)
    before, seeded = scenario.truth(sandbox), len(truths.writes(sandbox))
    mode = "approve" if scenario.asks else "auto"
    run_id = pending(scenario.playbook, {**scenario.parameters, "mode": mode})
    if scenario.asks:
        approve(engine, scenario, run_id)
    sent_before = len(sandbox.slack_messages())
    pid = killed_at(
        point.trigger,
        scenario.playbook,
        run_id,
        sandbox,
        preloaded_harness,
        short_lease,
        sleeps=point.sleeps,
    )

    if point.begun:
        recovery_of(engine, run_id)
    else:
        assert reap(engine, run_id) is None
    if point.sleeps:
        os.kill(pid, signal.SIGCONT)
        assert preloaded_harness.end() == "exited"
    reap(engine, run_id)  # whoever looks later finds nothing to do

    assert truths.writes(sandbox)[seeded:] == list(point.writes)
    assert (scenario.truth(sandbox) != before) == point.stands
    record = account.of_run(engine, run_id)
    assert record.outcome is point.outcome, record.reason
    assert accounts(engine, run_id) == 1
    as_planned(scenario, record)
    nothing_is_open(engine, record, point)
    messages = [str(message.body) for message in sandbox.slack_messages()[sent_before:]]
    ours = [each for each in messages if scenario.playbook in each]
    falls = [each for each in ours if "may do less" in each]
    assert len(ours) - len(falls) == point.notices, messages
    assert len(falls) <= 1


def as_planned(scenario: Scenario, record: account.RunRecord) -> None:
    """What dies here is what the table says."""
    if not record.decisions:
        return  # it died before there was a plan
    steps = record.decisions[0].plan.steps
    assert [step.call.method for step in steps] == [step.method for step in scenario.steps]
    undos = [step.undo.method if step.undo else None for step in steps]
    assert undos == [step.undo_method for step in scenario.steps]
    assert [step.lasts_minutes is not None for step in steps] == [
        step.lasts for step in scenario.steps
    ]


def accounts(engine: sa.Engine, run_id: UUID) -> int:
    """How many accounts the ledger has of the run."""
    with engine.connect() as connection:
        return connection.execute(
            sa.select(sa.func.count()).where(resolutions.c.run_id == run_id)
        ).scalar_one()


def nothing_is_open(engine: sa.Engine, record: account.RunRecord, point: CrashPoint) -> None:
    """No permit is open, no temporary change but what was verified, and the target is free."""
    with engine.connect() as connection:
        still = connection.execute(sa.select(permits).where(permits.c.closed_at.is_(None)))
        assert still.all() == []
    if not record.decisions:
        return
    plan = record.decisions[0].plan
    expected = {ChangeState.REVERTED, ChangeState.NOT_MADE}
    if point.at is At.INTENDED:
        expected.add(ChangeState.SCHEDULED)  # what may still land is taken back in its time
    elif point.stands:
        expected = {ChangeState.ACTIVE}
    states = [change.state for change in changes.listed(engine, ended=True)]
    assert set(states) <= expected
    assert len(states) <= sum(step.lasts_minutes is not None for step in plan.steps)
    assert locks.acquire(engine, plan.target, uuid4(), seconds=60) is not None
