"""
A person's word on a running playbook, which the run, its gate and its recovery go by.

It is written under the row lock of the run's lease, as are the permits that it must not cross with:
whoever comes second sees what the first one wrote.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from cct_ops.errors import NotPermitted
from cct_ops.ledger.clock import now
from cct_ops.ledger.gate import approvals, run_progress
from cct_ops.ledger.gate.tables import holds, run_leases
from cct_ops.ledger.gate.takeover_tables import takeovers
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.people import acknowledgements
from cct_ops.ledger.statements import Ledger, execute, find, read
from cct_ops.models.base import Frozen
from cct_ops.models.plan import PermitKind
from cct_ops.models.takeover import UPKEEP_PLAYBOOKS, Choice, Phase, RunProgress, Takeover

# Two at once about a run that has no lease yet have nothing else to wait for.
_ONE_AT_A_TIME = sa.text("select pg_advisory_xact_lock(hashtextextended('takeover ' || :run, 0))")
_COLUMNS = tuple(takeovers.c[name] for name in Takeover.model_fields)
# Made once: a thread asks again and again, also while others import what SQLAlchemy would look for.
_LAST_WORD = (
    sa.select(*_COLUMNS)
    .where(takeovers.c.run_id == sa.bindparam("run_id", type_=sa.Uuid))
    .order_by(takeovers.c.choice == Choice.WATCH.value, takeovers.c.id)
    .limit(1)
)


class Wish(Frozen):
    """What a person wants of a run; ``signature`` is the name that a hold of the target bears."""

    choice: Choice
    person: str
    proof: str
    signature: str
    reason: str
    held_until: datetime | None = None


def of_run(ledger: Ledger, run_id: UUID) -> Takeover | None:
    """Return the word that counts for the run; one that stops it comes before any other."""
    return find(ledger, Takeover, _LAST_WORD.params(run_id=run_id))


def fence(tx: sa.Connection, run_id: UUID) -> Takeover | None:
    """Return the same, and let nobody take the run over until the transaction ends."""
    tx.execute(
        sa.select(run_leases.c.run_id).where(run_leases.c.run_id == run_id).with_for_update()
    )
    return of_run(tx, run_id)


def record(
    engine: sa.Engine, run_id: UUID, wish: Wish, *, playbook: str = "", target: str = ""
) -> tuple[Takeover, RunProgress]:
    """
    Take the run over, hold its target, and acknowledge its incident for this person.

    A request for approval ends at once. ``playbook`` and ``target`` are what Prefect knows of a run
    that has not begun. Raises ``NotPermitted`` where there is nothing to take over any more.
    """
    with engine.begin() as tx:
        tx.execute(_ONE_AT_A_TIME, {"run": str(run_id)})
        before = fence(tx, run_id)
        found = run_progress.read(tx, run_id, playbook=playbook, target=target)
        if found is None:
            raise NotPermitted(f"The ledger knows no run {run_id}: nothing of it was ever begun.")
        _refuse(found, before, wish.choice)
        held_until = wish.held_until if found.target else None
        # What only waits has stopped with the word: it is let do nothing any more.
        at_once = wish.choice.stops and found.phase in {Phase.NOT_BEGUN, Phase.ASKING}
        row = tx.execute(
            sa.insert(takeovers)
            .values(
                run_id=run_id,
                incident_id=found.incident_id,
                playbook=found.playbook,
                target=found.target,
                choice=wish.choice.value,
                person=wish.person,
                proof=wish.proof,
                reason=wish.reason,
                held_until=held_until,
                stopped_at=now() if at_once else None,
            )
            .returning(*_COLUMNS)
        ).one()
        if held_until is not None:
            about = f"took over run {run_id} ({wish.choice}): {wish.reason}"
            hold = {"target": found.target, "until": held_until, "reason": about}
            tx.execute(sa.insert(holds).values(**hold, person=wish.signature))
        taken = Takeover.model_validate(row, from_attributes=True)
        # A run that watches on is resumed; one that stops needs no process for it.
        approvals.void(tx, run_id, taken.words, settled=wish.choice.stops)
        if taken.incident_id is not None:  # whoever steers is not to be paged
            acknowledgements.take_on(tx, taken.incident_id, taken.person, taken.proof)
        outbox.wake(tx)
    return taken, found


def mark_stopped(engine: sa.Engine, run_id: UUID) -> None:
    """Note that the run has stopped what it did; the first moment counts."""
    stopped = sa.update(takeovers).where(
        takeovers.c.run_id == run_id, takeovers.c.stopped_at.is_(None)
    )
    execute(engine, stopped.values(stopped_at=now()), repeatable=True)


class Unsettled(Frozen):
    """
    A takeover of which people do not know yet, or whose run may not have ended.

    What it says is read one by one: one that cannot be read keeps up no other.
    """

    id: int
    run_id: UUID
    notified_at: datetime | None


def unsettled(engine: sa.Engine) -> list[Unsettled]:
    """Return them, the oldest first."""
    columns = [takeovers.c[name] for name in Unsettled.model_fields]
    open_still = sa.select(*columns).where(takeovers.c.settled_at.is_(None))
    return read(engine, Unsettled, open_still.order_by(takeovers.c.id))


def by_id(engine: sa.Engine, takeover_id: int) -> Takeover:
    """Return one of them."""
    found = find(engine, Takeover, sa.select(*_COLUMNS).where(takeovers.c.id == takeover_id))
    if found is None:
        raise NotPermitted(f"The ledger has no takeover {takeover_id}.")
    return found


def mark_notified(engine: sa.Engine, takeover_id: int) -> None:
    """Note that people were told of it."""
    told = sa.update(takeovers).where(takeovers.c.id == takeover_id)
    execute(engine, told.values(notified_at=now()), repeatable=True)


def settle(engine: sa.Engine, takeover_id: int) -> None:
    """Note that nothing more is to be done about it."""
    done = sa.update(takeovers).where(takeovers.c.id == takeover_id)
    execute(engine, done.values(settled_at=now()), repeatable=True)


def forbids(run_id: sa.ColumnElement[UUID], kind: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """True where a takeover stands against calls of a permit: all but the undo that is wanted."""
    taken = sa.exists().where(takeovers.c.run_id == run_id)
    undone = sa.exists().where(
        takeovers.c.run_id == run_id, takeovers.c.choice == Choice.UNDO.value
    )
    return taken & ~((kind == PermitKind.RESTORE.value) & undone)


def _refuse(found: RunProgress, before: Takeover | None, choice: Choice) -> None:
    """Raise ``NotPermitted`` where the run cannot be taken over so."""
    if before is not None and (before.choice.stops or not choice.stops):
        raise NotPermitted(
            f"{before.person} has taken this run over already, at {before.at:%H:%M:%S} UTC"
            f" ({before.choice}): {before.reason}"
        )
    if not found.can_be_taken_over:
        raise NotPermitted(refusal(found))


def refusal(found: RunProgress) -> str:
    """Say why a run cannot be taken over any more."""
    name = f"{found.playbook or 'The run'} {found.phase}"
    if found.outcome is not None:
        return f"This run has ended already: {found.outcome}. {found.reason}"
    if found.playbook in UPKEEP_PLAYBOOKS:
        return f"{name}: it puts back what another run changed, and nothing stops that."
    return f"{name}: it ends by itself within moments, and that is not stopped halfway."
