"""The exemption system fails: what is found out about it, and what is done."""

from __future__ import annotations

from functools import partial

import pytest
from prefect import flow

from cct_ops.diagnoses.exemption_failure import Cause, ExemptionDiagnosis, Fix
from cct_ops.ledger.gate import locks, permits
from cct_ops.models.plan import PermitKind, Plan
from cct_ops.models.run import Mode
from cct_ops.models.verification import Verdict, Verification
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import SeedExemption
from flows.exemption_failure import exemption_failure
from tasks.actions import perform_all
from tasks.connections import current_run, ledger
from tasks.diagnose_exemptions import diagnose_exemptions
from tasks.verify import verify
from tests.flows.run_assertions import final

OVERDUE = SeedExemption(jira_reference="OPS-1", owner="alice", days_left=-2)
GOOD = SeedExemption(jira_reference="OPS-2", owner="bob")
INVALID = SeedExemption(jira_reference="ops-3", owner="carol", line=7)
NO_OWNER = SeedExemption(jira_reference="OPS-4", owner="")


@flow(name="looking")
def look(fix: Fix = Fix.RECOMMENDED) -> ExemptionDiagnosis:
    """Diagnose, inside a run as probes must be."""
    return diagnose_exemptions(fix)


@flow(name="applying")
def apply(plan: Plan) -> Verification:
    """Carry out a plan under a lock and a permit of the ledger."""
    run = current_run()
    token = locks.acquire(ledger(), plan.target, run.id, 60)
    assert token is not None
    with ledger().begin() as tx:
        permit = permits.issue(
            tx, PermitKind.CHANGE, plan, plan.calls, run=run, fencing_token=token, seconds=60
        )
    perform_all(permit)
    return verify(plan)


run = partial(final, exemption_failure)


def test_every_cause_is_told_apart(sandbox: SandboxControl) -> None:
    """Data checks name the records and the counts; nothing is changed by looking."""
    sandbox.exemptions(OVERDUE, GOOD, INVALID, NO_OWNER, count_drift=3, jira_down=True)
    before = sandbox.state()

    diagnosis = look()

    assert set(diagnosis.causes) == set(Cause) - {Cause.LIST_LOST}
    facts = "\n".join(fact.observed for fact in diagnosis.evidence)
    assert "ops-3 (carol, src/app.ts:7)" in facts
    assert "OPS-4 (nobody, src/app.ts:1)" in facts
    assert "all active: reported 7, are 4" in facts
    assert sandbox.state() == before


def test_a_consistent_system_needs_nothing(sandbox: SandboxControl) -> None:
    sandbox.exemptions(GOOD, SeedExemption(jira_reference="OPS-9", days_left=-3, status="expired"))

    assert run(mode=Mode.AUTO).name == "Nothing to do"


def test_what_no_fix_helps_is_for_people(sandbox: SandboxControl) -> None:
    sandbox.exemptions(GOOD, INVALID)

    ended = run(mode=Mode.AUTO)

    assert ended.name == "Recommended"
    assert "None of the fixes helps" in (ended.message or "")


@pytest.mark.parametrize(
    ("fix", "lost", "kept"),
    [
        (Fix.RECOMMENDED, True, {"OPS-1": "expired", "OPS-2": "active", "ops-3": "active"}),
        (Fix.RESET, False, {"OPS-2": "active"}),
    ],
)
def test_after_a_yes_the_report_is_right_again(
    sandbox: SandboxControl, fix: Fix, lost: bool, kept: dict[str, str]
) -> None:
    """A revalidation loses no record, a reset keeps only the good ones; both are verified."""
    sandbox.exemptions(OVERDUE, GOOD, INVALID, list_lost=lost)
    plan = look(fix).plan
    assert plan is not None

    assert apply(plan).verdict is Verdict.HOLDS
    assert sandbox.state().exemptions.statuses() == kept
