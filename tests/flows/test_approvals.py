"""Approval through a real suspension: the run waits in Prefect, and the ledger decides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Scheduled

from cct_ops.controller.approvals import sweep
from cct_ops.ledger.gate import approvals
from cct_ops.ledger.gate.tables import run_leases
from cct_ops.models.run import Outcome
from cct_ops.sandbox.control import SandboxControl
from tests.approvals.parts import refusals
from tests.controller.wire import Answer, Request, passing_on_to, wire
from tests.flows.deployment_run import DeploymentRun, deployment_run
from tests.flows.test_auto_rollback import ROUTE, pull

STRICT = """
playbooks:
  auto-rollback: {ceiling: auto, targets: ["/*"]}
approvals:
  accept_form: false
  second_person: {severities: [P1], playbooks: [], irreversible: true}
"""
ON_CALL, LEAD = "on-call", "lead"


@pytest.fixture
def strict(policy: Path) -> Path:
    """A policy in which Prefect's form counts for nothing and two persons are needed."""
    policy.write_text(STRICT)
    return policy


@pytest.fixture
def case(engine: sa.Engine, sandbox: SandboxControl) -> Iterator[DeploymentRun]:
    """A pulled canary, and a run that may repair it once that is approved."""
    pull(sandbox)
    with deployment_run(engine, "auto-rollback", target=ROUTE.value, mode="approve") as run:
        yield run


def test_two_persons_approve_and_the_plan_is_carried_out_once(
    sandbox: SandboxControl, engine: sa.Engine, strict: Path, case: DeploymentRun
) -> None:
    assert case.work() == "Suspended"
    case.say(ON_CALL)
    assert (sweep(engine), sandbox.writes()) == (0, [])
    case.say(LEAD)
    assert sweep(engine) == 1

    assert case.work() == "Resolved"

    assert [write.path for write in sandbox.writes()] == ["/api/v1/canary/reset"]
    assert case.record.outcome is Outcome.RESOLVED
    assert approvals.unsettled(engine) == []


def test_a_run_whose_form_prefect_does_not_take_waits_all_the_same(
    sandbox: SandboxControl, engine: sa.Engine, case: DeploymentRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is suspended by then; the links and buttons lead to the same answer, and it goes on."""
    server = PREFECT_API_URL.value() or ""
    pass_on = passing_on_to(server.removesuffix("/api"))

    def refuse_the_form(request: Request) -> Answer:
        return Answer(500) if request.path.endswith("/input") else pass_on(request) or Answer(502)

    with wire(refuse_the_form) as line, temporary_settings({PREFECT_API_URL: f"{line.url}/api"}):
        assert case.work() == "Suspended"
    assert case.record.outcome is None
    assert case.approval().state == "pending"

    monkeypatch.setattr("cct_ops.controller.approvals.FORM_GRACE", timedelta())
    assert case.approve() == 1
    assert case.work() == "Resolved"
    assert [write.path for write in sandbox.writes()] == ["/api/v1/canary/reset"]


def test_a_run_that_went_on_before_prefect_refused_its_form_is_left_to_its_next_process(
    sandbox: SandboxControl, engine: sa.Engine, case: DeploymentRun
) -> None:
    """Prefect was away for so long that somebody said yes and the run was set going."""
    server = PREFECT_API_URL.value() or ""
    pass_on = passing_on_to(server.removesuffix("/api"))

    def go_on_and_refuse_the_form(request: Request) -> Answer:
        if not request.path.endswith("/input"):
            return pass_on(request) or Answer(502)
        case.say(ON_CALL)
        case.client.set_flow_run_state(case.run_id, Scheduled(name="Resuming"))
        return Answer(500)

    with (
        wire(go_on_and_refuse_the_form) as line,
        temporary_settings({PREFECT_API_URL: f"{line.url}/api"}),
    ):
        assert case.work() == "Resuming"
    assert case.record.outcome is None
    assert sandbox.writes() == []

    assert case.work() == "Resolved"
    assert [write.path for write in sandbox.writes()] == ["/api/v1/canary/reset"]


def test_a_yes_is_not_lost_where_the_process_that_asked_has_not_ended_yet(
    sandbox: SandboxControl, engine: sa.Engine, case: DeploymentRun
) -> None:
    """It died and its lease still runs, or it writes its last log lines."""
    assert case.work() == "Suspended"
    ours = run_leases.c.run_id == case.run_id
    soon = {"holder": uuid4(), "expires_at": sa.text("clock_timestamp() + '3 seconds'")}
    with engine.begin() as tx:
        tx.execute(sa.update(run_leases).where(ours).values(soon))

    assert case.approve() == 1
    assert case.work() == "Resolved"
    assert [write.path for write in sandbox.writes()] == ["/api/v1/canary/reset"]


def test_a_bare_resume_ends_the_run_before_the_first_change(
    sandbox: SandboxControl, engine: sa.Engine, strict: Path, case: DeploymentRun
) -> None:
    """Whoever can reach Prefect can resume: without a record in the ledger that is no approval."""
    case.work()
    case.say(ON_CALL)  # one of two
    case.client.resume_flow_run(case.run_id, run_input={"end_the_run": "yes"})

    assert case.work() == "Void"

    assert sandbox.writes() == []
    assert refusals(engine) == ["The run was resumed in Prefect without an approval."]


def test_a_forced_state_ends_the_run_before_the_first_change(
    sandbox: SandboxControl, engine: sa.Engine, strict: Path, case: DeploymentRun
) -> None:
    """Not even Prefect's own form was filled in."""
    case.work()
    case.client.set_flow_run_state(case.run_id, Scheduled(), force=True)

    assert case.work() == "Void"

    assert sandbox.writes() == []
    assert len(refusals(engine)) == 1


def test_when_the_target_changed_the_yes_is_void_and_it_is_asked_anew(
    sandbox: SandboxControl, engine: sa.Engine, strict: Path, case: DeploymentRun
) -> None:
    case.work()
    first = case.approval()
    case.say(ON_CALL)
    case.say(LEAD)
    sweep(engine)
    sandbox.expire(ROUTE)  # it is off for another reason now

    assert case.work() == "Suspended"

    assert sandbox.writes() == []
    assert case.approval().plan_digest != first.plan_digest
    assert approvals.find(engine, first.id).state == "void"  # type: ignore[union-attr]


def test_the_form_counts_where_policy_accepts_it(
    sandbox: SandboxControl, engine: sa.Engine, policy: Path, case: DeploymentRun
) -> None:
    policy.write_text(STRICT.replace("accept_form: false", "accept_form: true").replace("P1", ""))
    case.work()
    approval = case.approval()
    case.client.resume_flow_run(
        case.run_id, run_input={"decision": "decline", "name": "Kim", "note": "checked"}
    )

    assert case.work() == "Declined"

    found = approvals.find(engine, approval.id)
    assert found is not None
    assert (found.approver, found.authenticated) == ("Kim", False)
    assert sandbox.writes() == []


def test_too_few_approvers_block_the_run_at_once(
    sandbox: SandboxControl, engine: sa.Engine, strict: Path, case: DeploymentRun
) -> None:
    """Of two on the list one started the run: nobody waits for a yes that cannot be given."""
    case.client.update_flow_run(case.run_id, tags=[f"started-by:{LEAD}"])

    assert case.work() == "Blocked"
    assert sandbox.writes() == []
