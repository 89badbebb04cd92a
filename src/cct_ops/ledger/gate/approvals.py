"""
Requests for persons' yes, each bound to one run, one plan and one state of the target.

pending ──► approved ──► used      enough persons said yes; the permit was issued on it, once
        ──► declined               one of them said no
        ──► expired                nobody answered in time
        ──► void                   the target changed, the incident is over, or the run ended

``settled_at`` is when nothing more had to be done about the run: it read the answer or has ended.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.errors import NotPermitted
from cct_ops.ledger import statements
from cct_ops.ledger.clock import in_seconds, now
from cct_ops.ledger.gate.tables import answers, approvals
from cct_ops.ledger.intake.tables import incidents
from cct_ops.ledger.record.tables import decisions
from cct_ops.ledger.statements import Ledger
from cct_ops.models.base import Frozen
from cct_ops.models.diagnosis import Diagnosis
from cct_ops.models.guards import Guard
from cct_ops.models.plan import Plan
from cct_ops.models.run import Evidence, Run

OVER = "The incident was over before anybody approved."


class ApprovalState(StrEnum):
    """Where a request for approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
    VOID = "void"


class ApprovalRequirement(Frozen):
    """
    What an approval takes: how many persons, by when, and whether Prefect's form counts.

    Where it takes several, the one who started the run is none of them.
    """

    why: str
    seconds: float
    persons: int = 1
    form_accepted: bool = False
    started_by: str | None = None


class Approval(Frozen):
    """One request for approval, as the ledger has it."""

    id: UUID
    run_id: UUID
    incident_id: UUID | None
    playbook: str
    target: str
    plan: Plan
    plan_digest: str
    state_digest: str
    headline: str
    severity: str
    evidence: tuple[Evidence, ...]
    why: str
    started_by: str | None
    persons: int
    form_accepted: bool
    state: ApprovalState
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    used_at: datetime | None
    approver: str | None
    authenticated: bool
    note: str | None


def request(
    engine: sa.Engine, diagnosis: Diagnosis, plan: Plan, run: Run, requirement: ApprovalRequirement
) -> tuple[Approval, bool]:
    """
    Return the run's request for this plan and whether it is new.

    What the same run asked for another plan becomes void, approved or not: the target changed since
    that was shown.
    """
    with engine.begin() as tx:
        others = (approvals.c.run_id == run.id, approvals.c.plan_digest != plan.digest)
        _end(tx, *others, reason="The target changed after this plan was shown.")
        tx.execute(sa.update(approvals).where(*others).values(settled_at=now()))
        made = tx.execute(
            insert(approvals)
            .values(
                run_id=run.id,
                incident_id=run.incident_id,
                playbook=plan.playbook,
                target=plan.target,
                plan=plan.model_dump(mode="json"),
                plan_digest=plan.digest,
                state_digest=plan.state_digest,
                headline=diagnosis.headline,
                severity=diagnosis.severity.value,
                evidence=[fact.model_dump(mode="json") for fact in diagnosis.evidence],
                why=requirement.why,
                started_by=requirement.started_by,
                persons=requirement.persons,
                form_accepted=requirement.form_accepted,
                expires_at=in_seconds(requirement.seconds),
            )
            .on_conflict_do_nothing()
            .returning(approvals)
        ).one_or_none()
        if made is not None:
            return read_row(made), True
        found = tx.execute(sa.select(approvals).where(*_of_plan(run, plan))).one()
        return read_row(found), False


def _of_plan(run: Run, plan: Plan) -> tuple[sa.ColumnElement[bool], ...]:
    """Choose the run's request for this plan."""
    return approvals.c.run_id == run.id, approvals.c.plan_digest == plan.digest


def find(engine: sa.Engine, approval_id: UUID) -> Approval | None:
    """Read one request."""
    return statements.find(
        engine, Approval, sa.select(approvals).where(approvals.c.id == approval_id)
    )


def of_run(engine: sa.Engine, run_id: UUID) -> list[Approval]:
    """Read the requests of a run, oldest first."""
    asked = sa.select(approvals).where(approvals.c.run_id == run_id)
    return statements.read(engine, Approval, asked.order_by(approvals.c.requested_at))


def refused(engine: sa.Engine, run_id: UUID) -> Approval | None:
    """Return the run's declined or expired request: after one of those it may not ask again."""
    ended = approvals.c.state.in_([ApprovalState.DECLINED, ApprovalState.EXPIRED])
    asked = sa.select(approvals).where(approvals.c.run_id == run_id, ended)
    return statements.find(engine, Approval, asked.limit(1))


def use(tx: sa.Connection, run: Run, plan: Plan) -> None:
    """
    Use up the run's approval of this plan, in the transaction that issues its permit.

    Raises ``NotPermitted`` if the plan was asked for and is not approved, or was carried out
    already. A plan that nobody had to approve passes: whether one must is the gate's to say.
    """
    usable = sa.update(approvals).where(
        *_of_plan(run, plan),
        approvals.c.state == ApprovalState.APPROVED,
        approvals.c.state_digest == plan.state_digest,
        approvals.c.used_at.is_(None),
    )
    if statements.execute(tx, usable.values(used_at=now(), settled_at=now())):
        return
    asked = sa.select(approvals.c.state, approvals.c.used_at).where(*_of_plan(run, plan))
    found = tx.execute(asked).one_or_none()
    if found is not None:
        why = "was used already" if found.used_at else f"is {found.state}"
        raise NotPermitted(f"Nothing was done: the approval of this plan {why}.")


def void(ledger: Ledger, run_id: UUID, reason: str, *, settled: bool = True) -> None:
    """
    End whatever the run still asks for, because it no longer needs it.

    One that is not ``settled`` has its run resumed, to read how it goes on.
    """

    def end(tx: sa.Connection) -> None:
        _end(tx, approvals.c.run_id == run_id, reason=reason)
        if settled:
            open_still = (approvals.c.run_id == run_id, approvals.c.settled_at.is_(None))
            tx.execute(sa.update(approvals).where(*open_still).values(settled_at=now()))

    statements.within(ledger, end)


def void_resolved(engine: sa.Engine) -> int:
    """
    End the requests of incidents that are over; the sweep then ends their runs.

    A request that other incidents joined goes on for as long as one of those is open.
    """
    closed = sa.select(incidents.c.id).where(
        incidents.c.id == approvals.c.incident_id, incidents.c.state == "closed"
    )
    waits = approvals.c.settled_at.is_(None)
    return _end(engine, closed.exists(), ~still_joined(), waits, reason=OVER)


def still_joined() -> sa.ColumnElement[bool]:
    """True where an incident that is open was merged into the run that asks."""
    other = incidents.alias()
    return (
        sa.select(decisions.c.id)
        .join(other, other.c.id == decisions.c.incident_id)
        .where(
            decisions.c.guard == Guard.MERGE,
            decisions.c.target == approvals.c.target,
            decisions.c.reason.contains(sa.cast(approvals.c.run_id, sa.Text)),
            other.c.state == "open",
        )
        .exists()
    )


def expire(engine: sa.Engine, approval_id: UUID) -> bool:
    """Let a pending request end unanswered, if its time is over; False if it is not or was."""
    over = sa.update(approvals).where(
        approvals.c.id == approval_id,
        approvals.c.state == ApprovalState.PENDING,
        approvals.c.expires_at <= now(),
    )
    ended = {"state": ApprovalState.EXPIRED, "note": "Nobody answered in time."}
    return statements.execute(engine, over.values(**ended, decided_at=now())) == 1


class Waiting(Frozen):
    """A request whose run has not read an answer, with the seconds that are left for one."""

    id: UUID
    run_id: UUID
    seconds_left: float


class Pending(Frozen):
    """An open request, as a list shows it, with how many have said yes so far."""

    id: UUID
    run_id: UUID
    incident_id: UUID | None
    playbook: str
    target: str
    headline: str
    severity: str
    why: str
    started_by: str | None
    persons: int
    said_yes: int
    requested_at: datetime
    expires_at: datetime


def pending(ledger: Ledger) -> list[Pending]:
    """Return what a person can answer now, the next to expire first."""
    yes = sa.select(sa.func.count()).where(answers.c.approval_id == approvals.c.id)
    columns = [approvals.c[name] for name in Pending.model_fields if name != "said_yes"]
    asked = sa.select(*columns, yes.scalar_subquery().label("said_yes")).where(
        approvals.c.state == sa.literal_column("'pending'"), approvals.c.expires_at > now()
    )
    return statements.read(ledger, Pending, asked.order_by(approvals.c.expires_at))


def unsettled(engine: sa.Engine) -> list[tuple[Approval, float]]:
    """Return the requests whose runs have not read an answer, with the seconds they still have."""
    found = [(find(engine, each.id), each.seconds_left) for each in waiting(engine)]
    return [(approval, left) for approval, left in found if approval is not None]


def waiting(engine: sa.Engine) -> list[Waiting]:
    """Name the same requests, without a look into them; the next to expire comes first."""
    left = sa.extract("epoch", approvals.c.expires_at - now()).label("seconds_left")
    wanted = sa.select(approvals.c.id, approvals.c.run_id, left).where(
        approvals.c.settled_at.is_(None)
    )
    return statements.read(engine, Waiting, wanted.order_by(approvals.c.expires_at))


def read_row(row: sa.Row[tuple[object, ...]]) -> Approval:
    """Return a row as a model."""
    return Approval.model_validate(row, from_attributes=True)


def _end(ledger: Ledger, *which: sa.ColumnElement[bool], reason: str) -> int:
    """Make requests void that were not used yet, whether somebody approved them or not."""
    open_still = approvals.c.state.in_([ApprovalState.PENDING, ApprovalState.APPROVED])
    unused = sa.update(approvals).where(*which, open_still, approvals.c.used_at.is_(None))
    ended = {"state": ApprovalState.VOID, "note": reason}
    return statements.execute(ledger, unused.values(**ended, decided_at=now()))
