"""The row that a run was started for, which another run takes over when that one died."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.intake.tables import dispatches, incidents


def find_open_dispatch(tx: sa.Connection, flow_run_id: UUID) -> UUID | None:
    """Return the row that this run was started for, if its incident is still open."""
    return tx.execute(
        sa.select(dispatches.c.id)
        .join(incidents, incidents.c.id == dispatches.c.incident_id)
        .where(dispatches.c.flow_run_id == flow_run_id, incidents.c.state == "open")
    ).scalar()


def record_successor(tx: sa.Connection, flow_run_id: UUID, successor_id: UUID) -> None:
    """Note that another run now does the work of a dead one."""
    tx.execute(
        sa.update(dispatches)
        .where(dispatches.c.flow_run_id == flow_run_id)
        .values(flow_run_id=successor_id)
    )
