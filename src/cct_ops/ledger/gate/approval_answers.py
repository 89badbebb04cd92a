"""
Answers to requests for approval: judged and written in one transaction, each attempt on record.

An answer counts if the request is open, the plan is the one that was shown, the incident goes on,
and the person has not answered yet. One no ends a request; it takes as many yes as it asks for.
One that nobody answered is passed on once to the next contact.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from uuid import UUID

import sqlalchemy as sa

from cct_ops.config.approvers import Approver
from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.gate import approvals as requests
from cct_ops.ledger.gate.approvals import Approval, ApprovalState
from cct_ops.ledger.gate.tables import answers, approvals, attempts
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.statements import find, scalars
from cct_ops.models.base import Frozen
from cct_ops.models.names import folded
from cct_ops.models.run import starters

Way = Literal["link", "slack", "form", "resume", "board"]

# What was given in time in Prefect's form is read later: a worker has to take the run, and its
# process waits for the end of the lease of the one that asked, if that has died.
READ_GRACE_SECONDS = 300.0

# Whoever knocks without a valid key must not be able to fill the ledger.
UNKNOWN_PER_MINUTE = 60


class Answer(Frozen):
    """
    What one person says to one request.

    ``digest`` is that of the plan which was shown, where the way of answering carries it.
    """

    approver_id: str
    approver: str
    way: Literal["link", "slack", "form", "board"]
    approved: bool
    note: str = ""
    digest: str | None = None

    @classmethod
    def of(
        cls,
        person: Approver,
        way: Literal["link", "slack", "board"],
        *,
        approved: bool,
        note: str = "",
        digest: str | None = None,
    ) -> Answer:
        """Return the answer of somebody on the allow-list who has proved to be that person."""
        return cls(
            approver_id=person.id,
            approver=person.name,
            way=way,
            approved=approved,
            note=note,
            digest=digest,
        )


class Receipt(Frozen):
    """The request as it stands after an answer, and the reason if the answer does not count."""

    approval: Approval | None
    refusal: str | None = None

    @property
    def still_needed(self) -> bool:
        """True if the answer counts and another person is needed."""
        pending = self.approval is not None and self.approval.state is ApprovalState.PENDING
        return self.refusal is None and pending


def answer(
    engine: sa.Engine,
    approval_id: UUID,
    given: Answer,
    *,
    person: Approver | None = None,
    grace_seconds: float = 0,
) -> Receipt:
    """
    Record one person's answer, if it counts; the attempt is on record either way.

    ``person`` is the approver whose identity was proved; None for a name typed into a form, and for
    somebody who is signed in on the board and not on the list of approvers.
    ``grace_seconds`` is for answers that were given in time and are only read later.
    """
    with engine.begin() as tx:
        row = tx.execute(
            sa.select(
                approvals,
                (approvals.c.expires_at <= in_seconds(-grace_seconds)).label("too_late"),
                sa.and_(incidents.c.state == "closed", ~requests.still_joined()).label("over"),
            )
            .outerjoin(incidents, incidents.c.id == approvals.c.incident_id)
            .where(approvals.c.id == approval_id)
            .with_for_update(of=approvals)
        ).one_or_none()
        before = None if row is None else requests.read_row(row)
        refusal = _refusal(tx, row, before, given, person)
        _attempt(tx, approval_id, given.approver_id, given.way, refusal)
        if before is not None and refusal is None:
            _count(tx, before, given, proven=person is not None or given.way in {"link", "slack"})
            outbox.wake(tx)  # the sweep looks at once
    return Receipt(approval=requests.find(engine, approval_id), refusal=refusal)


def record_attempt(
    engine: sa.Engine,
    way: Way,
    reason: str,
    *,
    approval_id: UUID | None = None,
    approver_id: str | None = None,
) -> None:
    """Put an attempt on record that was refused before it could be an answer."""
    with engine.begin() as tx:
        if approver_id is None and _unknown_lately(tx) >= UNKNOWN_PER_MINUTE:
            return
        _attempt(tx, approval_id, approver_id, way, reason)


def said_yes(connection: sa.Connection, approval_id: UUID) -> tuple[str, ...]:
    """Return the names of those who have approved so far, in that order."""
    yes = sa.select(answers.c.approver).where(
        answers.c.approval_id == approval_id, answers.c.approved
    )
    return tuple(connection.scalars(yes.order_by(answers.c.id)))


def _refusal(
    tx: sa.Connection,
    row: sa.Row[tuple[object, ...]] | None,
    asked: Approval | None,
    given: Answer,
    person: Approver | None,
) -> str | None:
    """Say why an answer does not count; None if it does."""
    if row is None or asked is None:
        return "There is no such request for approval."
    before = sa.select(answers.c.id).where(
        answers.c.approval_id == asked.id, answers.c.approver_id == given.approver_id
    )
    started_it = asked.started_by is not None and (
        person.started(asked.started_by)
        if person is not None
        else folded(given.approver) in map(folded, starters(asked.started_by))
    )
    reasons = {
        f"This request is {asked.state} already.": asked.state is not ApprovalState.PENDING,
        f"This request expired at {asked.expires_at:%H:%M:%S} UTC.": bool(row.too_late),
        requests.OVER: row.over,
        "The plan is not the one that was shown.": (
            asked.plan.digest != asked.plan_digest or given.digest not in {None, asked.plan_digest}
        ),
        "An answer in Prefect's form does not count here: it proves no identity.": (
            given.way == "form" and not asked.form_accepted
        ),
        "You are not on the list of approvers, and this request takes nobody else's word.": (
            given.way == "board" and person is None and not asked.form_accepted
        ),
        "Who started the run is not a second person.": (
            asked.persons > 1 and given.approved and started_it
        ),
        "You started this run: somebody else has to approve it.": (
            # A name typed into a form proves nobody's identity, so it is held against nobody.
            given.way != "form" and given.approved and started_it
        ),
        "This person has answered already.": tx.execute(before).one_or_none() is not None,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _count(tx: sa.Connection, asked: Approval, given: Answer, *, proven: bool) -> None:
    """Write the answer down and, if it decides the request, how it ended."""
    tx.execute(
        sa.insert(answers).values(
            approval_id=asked.id, **given.model_dump(exclude={"digest"}, mode="json")
        )
    )
    names = said_yes(tx, asked.id)
    if given.approved and len(names) < asked.persons:
        return
    tx.execute(
        sa.update(approvals)
        .where(approvals.c.id == asked.id)
        .values(
            state=ApprovalState.APPROVED if given.approved else ApprovalState.DECLINED,
            approver=" and ".join(names) if given.approved else given.approver,
            authenticated=proven,
            note=given.note,
            decided_at=now(),
        )
    )


def _attempt(
    tx: sa.Connection,
    approval_id: UUID | None,
    approver_id: str | None,
    way: Way,
    refusal: str | None,
) -> None:
    verdict, reason = ("accepted", "It counts.") if refusal is None else ("refused", refusal)
    asked = {"approval_id": approval_id, "approver_id": approver_id, "way": way}
    tx.execute(sa.insert(attempts).values(**asked, verdict=verdict, reason=reason))


def _unknown_lately(tx: sa.Connection) -> int:
    lately = sa.select(sa.func.count()).where(
        attempts.c.approver_id.is_(None), attempts.c.attempted_at > in_seconds(-60)
    )
    return tx.execute(lately).scalar_one()


_UNNOTIFIED = (approvals.c.state == ApprovalState.EXPIRED, approvals.c.escalated_at.is_(None))


def unnotified(engine: sa.Engine) -> list[UUID]:
    """Return the expired requests that were not passed on yet, the oldest first."""
    wanted = sa.select(approvals.c.id).where(*_UNNOTIFIED)
    return scalars(engine, wanted.order_by(approvals.c.expires_at))


@contextmanager
def unanswered(engine: sa.Engine, approval_id: UUID) -> Iterator[tuple[Approval, int] | None]:
    """
    Yield an expired request to be passed on, with how many in a row found nobody.

    It counts as done once the block ends without an exception. None if another controller has it.
    """
    with engine.begin() as tx:
        wanted = sa.select(approvals).where(approvals.c.id == approval_id, *_UNNOTIFIED)
        approval = find(tx, Approval, wanted.with_for_update(skip_locked=True))
        if approval is None:
            yield None
            return
        yield approval, _in_a_row(tx, approval)
        tx.execute(
            sa.update(approvals).where(approvals.c.id == approval.id).values(escalated_at=now())
        )


def _in_a_row(tx: sa.Connection, approval: Approval) -> int:
    """Count the expired requests since somebody last answered one for this playbook and target."""
    same = (
        approvals.c.playbook == approval.playbook,
        approvals.c.target == approval.target,
        approvals.c.requested_at <= approval.requested_at,
    )
    answered = (
        sa.select(sa.func.max(approvals.c.requested_at))
        .where(*same, approvals.c.state.in_([ApprovalState.APPROVED, ApprovalState.DECLINED]))
        .scalar_subquery()
    )
    return tx.execute(
        sa.select(sa.func.count()).where(
            *same,
            approvals.c.state == ApprovalState.EXPIRED,
            answered.is_(None) | (approvals.c.requested_at > answered),
        )
    ).scalar_one()
