"""The post-incident review: ten sections, filled from the ledger, honest about what it lacks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate import approval_answers, approvals
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import ApprovalRequirement
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.record import account
from cct_ops.models.alert import Alert
from cct_ops.models.base import Frozen
from cct_ops.models.plan import Plan, Step
from cct_ops.models.review import Review
from cct_ops.models.run import Evidence, Mode, Outcome, Run, Severity
from cct_ops.record.review import reading
from cct_ops.reports.review import BLANK, review
from tests.ledger.alerts import PULLED, firing, resolved
from tests.ledger.history import CALL
from tests.plans import plan_of

SECTIONS = [
    "Incident Summary",
    "Timeline",
    "Impact",
    "Root Cause",
    "Detection",
    "Resolution",
    "Prevention",
    "Lessons Learned",
    "Action Items",
    "Follow-up",
]
NOW = datetime.now(UTC)
PLAN = plan_of(Step(call=CALL, undo=None), blast_radius="One route.")


class Concluded(Frozen):
    """A diagnosis that was made up."""

    playbook: str = "auto-rollback"
    target: str = "/daily-summary"
    headline: str = "Auto-rollback pulled the <canary> | of *daily*."
    severity: Severity = Severity.P1
    evidence: tuple[Evidence, ...] = (Evidence(source="slo", observed="p95 6200", meaning="Slow."),)
    plan: Plan | None = PLAN


def fires() -> Alert:
    """The alert, of something that began ten minutes ago."""
    began = datetime.now(UTC) - timedelta(minutes=10)
    labels = {"alertname": "CanaryRolledBack", "route": "/daily-summary"}
    return firing(began, annotations=PULLED, **labels)


@pytest.fixture
def incident(engine: sa.Engine) -> UUID:
    """An incident that began ten minutes ago."""
    return deliveries.record(engine, "alertmanager", b"1", [fires()]).incidents[0]


def over(engine: sa.Engine) -> None:
    """It is over since five minutes."""
    alert = fires()
    end = resolved(alert, alert.starts_at + timedelta(minutes=5))
    deliveries.record(engine, "alertmanager", b"2", [end])


def ran(engine: sa.Engine, incident_id: UUID | None, outcome: Outcome) -> Run:
    """A run that asked, got its yes, and ended."""
    run = Run(id=uuid4(), name="calm-otter", playbook="auto-rollback", incident_id=incident_id)
    requirement = ApprovalRequirement(why="It asks.", seconds=60, form_accepted=True)
    asked, _ = approvals.request(engine, Concluded(), PLAN, run, requirement)
    yes = Answer(approver_id="ada", approver="Ada", way="form", approved=True, note="go")
    approval_answers.answer(engine, asked.id, yes)
    with engine.begin() as tx:
        account.record_decision(
            tx, Concluded(), PLAN, run=run, mode=Mode.APPROVE, verdict="permitted", reason="Ada."
        )
    account.record_outcome(engine, run, PLAN.target, outcome, "It went well.")
    return run


def written(found: Review | None) -> str:
    assert found is not None
    return review(found, NOW)


def test_a_review_has_the_ten_sections_of_the_runbook(engine: sa.Engine, incident: UUID) -> None:
    text = written(reading.read(engine, incident))

    assert re.findall(r"^## \d+\. (.+)$", text, re.MULTILINE) == SECTIONS


def test_the_record_is_filled_in(engine: sa.Engine, incident: UUID) -> None:
    run = ran(engine, incident, Outcome.RESOLVED)
    over(engine)

    text = written(reading.read(engine, run.id))

    for part in (
        "CanaryRolledBack of",
        "By alertmanager, 10 min",
        "Duration: 5 min ",  # and the seconds that the test itself took
        "Affected: /daily-summary",
        "auto-rollback: approval was asked for",
        "Approval: approved by Ada (not authenticated): go",
        "Decided: permitted in approve mode",
        "incident closed as resolved",
        "- [ ] Add pre-deployment SLO validation",
        "p95 6200",
        "P1 ·",
    ):
        assert part in text


def test_what_only_people_know_is_marked(engine: sa.Engine, incident: UUID) -> None:
    text = written(reading.read(engine, incident))

    for section in ("Impact", "Root Cause", "Lessons Learned", "Action Items"):
        assert BLANK in text.partition(f". {section}\n")[2].partition("\n## ")[0]


def test_what_came_from_outside_is_escaped(engine: sa.Engine, incident: UUID) -> None:
    ran(engine, incident, Outcome.RESOLVED)

    assert r"the \<canary\> \| of \*daily\*." in written(reading.read(engine, incident))


@pytest.mark.parametrize("outcome", [Outcome.UNVERIFIED, Outcome.BLOCKED, Outcome.RECOMMENDED])
def test_what_is_unfinished_becomes_an_action_item(
    engine: sa.Engine, incident: UUID, outcome: Outcome
) -> None:
    ran(engine, incident, outcome)

    items = written(reading.read(engine, incident)).partition("## 9.")[2]

    assert "auto-rollback on /daily-summary" in items


def test_a_run_that_people_started_is_reviewed_alone(engine: sa.Engine) -> None:
    run = ran(engine, None, Outcome.RESOLVED)

    text = written(reading.read(engine, run.id))

    assert "# Post-incident review: auto-rollback on /daily-summary" in text
    assert "no alert is on record" in text


def test_what_the_ledger_does_not_know_has_no_story(engine: sa.Engine) -> None:
    assert reading.read(engine, uuid4()) is None
