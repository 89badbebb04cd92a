"""A day that is small enough to be reckoned by hand, written through the ledger's own functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.gate import approval_answers, approvals, attempts, changes, locks, permits
from cct_ops.ledger.gate.approval_answers import Answer
from cct_ops.ledger.gate.approvals import ApprovalRequirement
from cct_ops.ledger.gate.tables import (
    actions,
    answers,
    approvals as approval_rows,
    permits as permit_rows,
    run_reads,
    temporary_changes,
)
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.tables import dispatches, incidents
from cct_ops.ledger.people import pages
from cct_ops.ledger.people.tables import page_attempts, pages as page_rows
from cct_ops.ledger.record import account
from cct_ops.ledger.record.tables import decisions, resolutions, verifications
from cct_ops.models.guards import Guard
from cct_ops.models.plan import Step
from cct_ops.models.run import Mode, Outcome, Run, Start, Starter
from cct_ops.models.verification import Verdict, Verification
from tests.approvals.parts import ANNA
from tests.ledger.alerts import opened
from tests.ledger.history import CALL, Conclusion, a_run, decided, permitted, plan

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)


@dataclass
class Day:
    """What happened, at which second after ``BEGAN``; ``ids`` are by the name of the story."""

    engine: sa.Engine
    ids: dict[str, str] = field(default_factory=dict)
    began: datetime = BEGAN

    def set(self, table: sa.Table, where: sa.ColumnElement[bool], **seconds: float) -> None:
        """Let rows be of these moments."""
        moments = {name: BEGAN + timedelta(seconds=at) for name, at in seconds.items()}
        with self.engine.begin() as tx:
            tx.execute(sa.update(table).where(where).values(moments))

    def incident(self, name: str, at: float) -> UUID:
        """Let an alert have come in."""
        found = opened(self.engine)
        self.set(incidents, incidents.c.id == found, opened_at=at)
        self.ids[name] = str(found)
        return found

    def run(self, incident_id: UUID, playbook: str, sent: float, looked: float) -> Run:
        """Let the newest incident have led to a run, which looked at CCT then."""
        run = a_run(playbook, incident_id)
        claim = outbox.claim(self.engine, outbox.REMEDIATE, 30)
        assert claim is not None
        assert claim.incident_id == incident_id
        outbox.mark_sent(self.engine, claim, rule="r", playbook=playbook, flow_run_id=run.id)
        self.set(dispatches, dispatches.c.flow_run_id == run.id, finished_at=sent)
        read = {"run_id": run.id, "cct": "c", "key": "k", "own": True}
        at = BEGAN + timedelta(seconds=looked)
        with self.engine.begin() as tx:
            tx.execute(sa.insert(run_reads).values(began_at=at, **read))
        return run

    def change(self, run: Run, target: str, at: float, lasts: float | None = None) -> None:
        """Let a run have changed its target, for so many minutes where it is not for good."""
        wanted = plan(target, run.playbook)
        permit = permitted(self.engine, run, wanted)
        if lasts is not None:
            step = Step(call=CALL, undo=CALL, lasts_minutes=lasts)
            with self.engine.begin() as tx:
                made = changes.schedule(tx, permit, step, before="-", owner="anna", reason="-")
            self.set(temporary_changes, temporary_changes.c.id == made.id, created_at=at, until=at)
            with changes.alarming(self.engine, made.id):
                pass
        with permits.Checker(self.engine, run.id).check(permit, CALL):
            permits.confirm(self.engine, permit, CALL)
        permits.close(self.engine, permit)
        locks.release(self.engine, target, permit.fencing_token)
        self.set(decisions, decisions.c.run_id == run.id, decided_at=at)
        self.set(permit_rows, permit_rows.c.id == permit.id, issued_at=at)
        self.set(actions, actions.c.permit_id == permit.id, intended_at=at, confirmed_at=at + 1)

    def end(self, run: Run, target: str, outcome: Outcome, at: float, **verified: Any) -> None:
        """Let a run have ended, and what it did have been verified."""
        for verdict, when in verified.items():
            found = Verification(verdict=Verdict(verdict), reason="-")
            account.record_verification(self.engine, run.id, found)
            self.set(verifications, verifications.c.run_id == run.id, verified_at=when)
        account.record_outcome(self.engine, run, target, outcome, "as it went")
        self.set(resolutions, resolutions.c.run_id == run.id, finished_at=at)

    def ask(self, run: Run, target: str, at: float, answered: float | None = None) -> None:
        """Let a run have asked for approval, and Anna have said yes or nobody anything."""
        wanted = plan(target, run.playbook)
        requirement = ApprovalRequirement.model_validate({"why": "-", "seconds": 900})
        asked, _ = approvals.request(self.engine, Conclusion(wanted), wanted, run, requirement)
        mine = approval_rows.c.id == asked.id
        if answered is None:
            self.set(approval_rows, mine, requested_at=at, expires_at=at + 900)
            assert approvals.expire(self.engine, asked.id)
            return
        yes = Answer.of(ANNA, "link", approved=True)
        assert approval_answers.answer(self.engine, asked.id, yes, person=ANNA).refusal is None
        self.set(approval_rows, mine, requested_at=at, decided_at=answered)
        self.set(answers, answers.c.approval_id == asked.id, answered_at=answered)

    def started(self, name: str, playbook: str, start: Start) -> Run:
        """Let somebody have started a run for no incident."""
        run = a_run(playbook)
        with attempts.attempt(self.engine, run.id, 60, start):
            self.ids[name] = str(run.id)
        return run


def a_day(engine: sa.Engine) -> Day:
    """
    Let five incidents have come in, and two runs have been for none.

    fixed: asked for, repaired, verified; came back half an hour later as ``again``, which a hold
    stopped. undone: asked in vain, changed all the same, broken, put back. paged: no rule, and a
    page. waits: nothing yet. manual: a person's, for a while, overdue. weekly: a schedule's.
    """
    day = Day(engine)
    fixed = day.run(day.incident("fixed", 0), "auto-rollback", sent=1, looked=2)
    day.ask(fixed, "/one", 4, answered=9)
    day.change(fixed, "/one", 10)
    day.end(fixed, "/one", Outcome.RESOLVED, 71, holds=70)

    undone = day.run(day.incident("undone", 100), "canary-issue", sent=103, looked=104)
    day.ask(undone, "/two", 105)
    day.change(undone, "/two", 120)
    with engine.begin() as tx:
        wanted = plan("/two", "canary-issue")
        account.record_decision(
            tx, Conclusion(wanted), wanted, run=undone, mode=Mode.AUTO, verdict="Undone", reason="-"
        )
    day.end(undone, "/two", Outcome.UNDONE, 200, broken=190)

    paged = day.incident("paged", 200)
    claim = outbox.claim(engine, outbox.REMEDIATE, 30)
    assert claim is not None
    outbox.hand_to_people(engine, claim, state="notified", rule=None, reason="no rule")
    assert pages.ask(engine, "c", subject="s", body="b", topic_id=paged)
    with engine.connect() as connection:
        page = connection.scalars(sa.select(page_rows.c.id)).one()
    with pages.claimed(engine, page) as held:
        assert held is not None
        number = held.begun("anna", "webhook", "in the order of the contacts")
        assert number is not None
        held.ended(number, "anna", None)
    day.set(page_attempts, page_attempts.c.page_id == page, attempted_at=260)

    again = day.run(day.incident("again", 1800), "auto-rollback", sent=1801, looked=1804)
    stopped = plan("/one")
    decided(engine, again, "Blocked", stopped, guard=Guard.HOLD.value)
    day.set(decisions, decisions.c.run_id == again.id, decided_at=1850)
    day.end(again, "/one", Outcome.BLOCKED, 1851)

    day.incident("waits", 3000)

    anna = Start(starter=Starter.PERSON, name="anna")
    manual = day.started("manual", "rate-limiting", anna)
    day.change(manual, "/three", 4000, lasts=60)
    day.end(manual, "/three", Outcome.RESOLVED, 4100, holds=4090)
    weekly = day.started("weekly", "exemption-weekly-report", Start(starter=Starter.SCHEDULE))
    day.end(weekly, "exemptions", Outcome.NOTHING_TO_DO, 5000)
    return day
