"""
Who may work on a run: one process at a time, and nobody once the run was permitted a change.

Prefect sets a finished or crashed run going again for whoever asks: by the button *Retry*, by a
state set by hand, by retries of the whole flow. The account, the permits and the lease of a run are
those of one attempt, so a second one would act without any.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID, uuid4

import sqlalchemy as sa

from cct_ops.ledger.clock import now
from cct_ops.ledger.engine import is_away
from cct_ops.ledger.gate import leases
from cct_ops.ledger.gate.tables import approvals, permits, run_leases
from cct_ops.ledger.intake.outbox import REMEDIATE
from cct_ops.ledger.intake.tables import dispatches, incidents
from cct_ops.ledger.record.tables import resolutions
from cct_ops.ledger.statements import execute, scalar, within
from cct_ops.models.run import Outcome, Run, Start

_log = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """Why a process may not work on a run, and how that has ended, if it has."""

    reason: str
    outcome: Outcome | None = None


_HELD = Refusal("Another process is at work on this run, or was just now.")
_LOOK_SECONDS = 0.5


@contextmanager
def attempt(
    engine: sa.Engine, run_id: UUID, seconds: float, start: Start | None = None
) -> Iterator[Refusal | None]:
    """
    Hold the run for this process, with a lease that is renewed until the block ends.

    Who started the run is kept from its first attempt on, with the time at which that began. A run
    that waited for a yes may be set going before the process that asked has ended, which lasts
    where Prefect is away: it goes on then, as a refusal would lose the answer.

    Yields why it may not work on the run, else None. Where it may not, the ledger is left as it is.
    """
    holder = uuid4()
    begin = partial(_begin, run_id=run_id, holder=holder, seconds=seconds, start=start)
    refusal = within(engine, begin, repeatable=True)
    if refusal == _HELD and _is_asking(engine, run_id):
        _log.info("Run %s goes on when the process has ended that asked for approval.", run_id)
        while refusal == _HELD and _is_asking(engine, run_id):
            time.sleep(_LOOK_SECONDS)
            refusal = within(engine, begin, repeatable=True)
    if refusal is not None:
        yield refusal
        return
    try:
        with leases.alive(engine, run_id, seconds):
            yield None
    finally:
        _let_go(engine, run_id, holder)


def is_known(engine: sa.Engine, incident_id: UUID) -> bool:
    """Say whether the ledger has this incident."""
    return (
        scalar(engine, sa.select(incidents.c.id).where(incidents.c.id == incident_id)) is not None
    )


def alert_came(engine: sa.Engine, run: Run) -> datetime | None:
    """
    Return when the alert was stored that this run is for.

    None where there is none, and for a run that has waited for a yes: it looks anew.
    """
    stored = sa.select(dispatches.c.created_at).where(
        dispatches.c.incident_id == run.incident_id,
        dispatches.c.purpose == REMEDIATE,
        ~sa.exists().where(approvals.c.run_id == run.id),
    )
    return scalar(engine, stored)


def _refusal(tx: sa.Connection, run_id: UUID) -> Refusal | None:
    account = sa.select(resolutions.c.outcome, resolutions.c.reason)
    ended = tx.execute(account.where(resolutions.c.run_id == run_id)).one_or_none()
    if ended is not None:
        how = f"This run has ended already: {ended.outcome}. {ended.reason}"
        return Refusal(how, Outcome(ended.outcome))
    reaped = leases.reaped_at(tx, run_id)
    if reaped is not None:
        return Refusal(f"This run was taken for dead at {reaped:%Y-%m-%d %H:%M:%S} UTC.")
    if tx.scalar(sa.select(permits.c.id).where(permits.c.run_id == run_id).limit(1)) is not None:
        return Refusal("This run had begun its change before, and what it left is put back.")
    return None


def _begin(
    tx: sa.Connection, run_id: UUID, holder: UUID, seconds: float, start: Start | None
) -> Refusal | None:
    refusal = _refusal(tx, run_id)
    if refusal is not None:
        return refusal
    begun: dict[str, object] = {"began_at": now()}
    if start is not None:
        begun |= {"started_as": start.starter.value, "started_by": start.name}
    free = run_leases.c.holder.is_(None) | (run_leases.c.expires_at <= now())
    free |= run_leases.c.holder == holder  # as the ledger did not live to say
    if leases.extend(tx, run_id, seconds, free, once=begun, holder=holder):
        return None
    return _HELD


def _is_asking(engine: sa.Engine, run_id: UUID) -> bool:
    """Say whether the run has asked for a yes that it has neither read nor acted on."""
    asked = sa.select(approvals.c.id).where(
        approvals.c.run_id == run_id, approvals.c.settled_at.is_(None)
    )
    return scalar(engine, asked.limit(1)) is not None


def _let_go(engine: sa.Engine, run_id: UUID, holder: UUID) -> None:
    """
    Leave the run to the next process: a suspended run goes on in another one.

    Where the ledger is away the end of its lease does so, and the run ends as it was to end.
    """
    ours = (run_leases.c.run_id == run_id, run_leases.c.holder == holder)
    try:
        execute(engine, sa.update(run_leases).where(*ours).values(holder=None), repeatable=True)
    except sa.exc.SQLAlchemyError as error:
        if not is_away(error):
            raise
        _log.warning("Run %s is held until its lease is over: %s", run_id, type(error).__name__)
