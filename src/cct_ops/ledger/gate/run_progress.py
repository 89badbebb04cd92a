"""How far a run is, from what it wrote down: before each step, so never further than it is."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.clock import now
from cct_ops.ledger.gate import changes
from cct_ops.ledger.gate.declared_tables import asked_ends
from cct_ops.ledger.gate.tables import actions, approvals, permits, run_leases, temporary_changes
from cct_ops.ledger.intake.outbox import REMEDIATE
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.ledger.record.tables import decisions, resolutions
from cct_ops.models.plan import PermitKind, Plan
from cct_ops.models.run import RECOVER, REVERT, Outcome, Starter
from cct_ops.models.takeover import Phase, RunProgress


def read(
    tx: sa.Connection, run_id: UUID, *, playbook: str = "", target: str = ""
) -> RunProgress | None:
    """
    Return how far the run is; None of one that the ledger knows nothing of.

    ``playbook`` and ``target`` are what Prefect knows of a run that has not written them down yet.
    """
    ended = tx.execute(sa.select(resolutions).where(resolutions.c.run_id == run_id)).one_or_none()
    issued = tx.execute(
        sa.select(permits).where(permits.c.run_id == run_id).order_by(permits.c.issued_at)
    ).all()
    change = next((each for each in issued if each.kind == PermitKind.CHANGE), None)
    said = sa.select(decisions).where(decisions.c.run_id == run_id)
    decided = tx.execute(said.order_by(decisions.c.id.desc()).limit(1)).one_or_none()
    wanted = sa.select(approvals).where(approvals.c.run_id == run_id)
    asked = tx.execute(wanted.order_by(approvals.c.requested_at.desc()).limit(1)).one_or_none()
    lease = tx.execute(
        sa.select(run_leases, (run_leases.c.expires_at > now()).label("live")).where(
            run_leases.c.run_id == run_id
        )
    ).one_or_none()
    sent = tx.execute(
        sa.select(dispatches).where(
            dispatches.c.flow_run_id == run_id, dispatches.c.purpose == REMEDIATE
        )
    ).first()
    known = [each for each in (ended, change, decided, asked) if each is not None]
    if not (known or sent or playbook):
        playbook = _upkeep(tx, run_id, lease)
    if not (known or lease or sent or playbook):
        return None
    restoring = any(each.kind == PermitKind.RESTORE for each in issued)
    steps = _steps(tx, change)
    phase = _phase(lease, change, asked, restoring=restoring, steps=steps)
    plan = Plan.model_validate(decided.plan) if decided is not None else None
    return RunProgress(
        run_id=run_id,
        incident_id=next(
            (each.incident_id for each in known if each.incident_id), sent and sent.incident_id
        ),
        playbook=known[0].playbook if known else (sent and sent.playbook) or playbook,
        target=known[0].target if known else target,
        phase=phase if ended is None else Phase.ENDED,
        made=tuple(
            step
            for position, step in enumerate(plan.steps if plan is not None and change else ())
            if steps.get(position) in {"intended", "confirmed"}
        ),
        planned=len(plan.steps) if plan is not None else 0,
        watch_seconds=plan.steady_state.watch_seconds if plan is not None else 0,
        temporary=tuple(changes.open_of(tx, run_id)),
        outcome=Outcome(ended.outcome) if ended is not None else None,
        reason=ended.reason if ended is not None else None,
    )


def _upkeep(tx: sa.Connection, run_id: UUID, lease: sa.Row[tuple[object, ...]] | None) -> str:
    """Return the playbook of a run that was made to put something back; empty of any other."""
    reverts = sa.exists().where(temporary_changes.c.scheduled_revert_id == run_id)
    if tx.scalar(sa.select(reverts | sa.exists().where(asked_ends.c.run_id == run_id))):
        return REVERT
    return RECOVER if lease is not None and lease.started_as == Starter.UPKEEP else ""


def _steps(tx: sa.Connection, change: sa.Row[tuple[object, ...]] | None) -> dict[int, str]:
    """Return what is known of each step of the change that was begun."""
    if change is None:
        return {}
    begun = sa.select(actions.c.position, actions.c.state).where(actions.c.permit_id == change.id)
    return {row.position: row.state for row in tx.execute(begun)}


def _phase(
    lease: sa.Row[tuple[object, ...]] | None,
    change: sa.Row[tuple[object, ...]] | None,
    asked: sa.Row[tuple[object, ...]] | None,
    *,
    restoring: bool,
    steps: dict[int, str],
) -> Phase:
    live = lease is not None and lease.live and lease.reaped_at is None
    if change is not None or restoring:
        return _phase_of_change(change, steps, restoring=restoring) if live else Phase.SILENT
    if live and lease is not None and lease.holder is not None:
        return Phase.LOOKING
    if asked is not None and (lease is None or lease.holder is None):
        return Phase.ASKING  # its process has let go of it
    return Phase.SILENT if lease is not None and lease.began_at is not None else Phase.NOT_BEGUN


def _phase_of_change(
    change: sa.Row[tuple[object, ...]] | None, steps: dict[int, str], *, restoring: bool
) -> Phase:
    if restoring or change is None:
        return Phase.UNDOING
    if change.closed_at is not None:
        return Phase.CLOSING
    made = len(steps) == len(change.calls)
    seen = all(state != "intended" for state in steps.values())
    return Phase.WATCHING if made and seen else Phase.CHANGING
