"""
Notification of the workers that a run is there, so that none has to wait for its next poll.

It is only a hint: it may be lost, come twice or be about a run that somebody else takes. It holds
the whole run where that fits into PostgreSQL's 8000 bytes, else only the run's id.
"""

from __future__ import annotations

import json
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.statements import Ledger, scalar

CHANNEL = "flow_runs"
_MOST_BYTES = 7999


def notify_workers(ledger: Ledger, flow_run_id: UUID, flow_run: str | None = None) -> None:
    """Announce a run, as Prefect's JSON if at hand, once the transaction commits."""
    fits = flow_run is not None and len(flow_run.encode()) <= _MOST_BYTES
    payload = flow_run if fits else json.dumps({"id": str(flow_run_id)})
    scalar(ledger, sa.select(sa.func.pg_notify(CHANNEL, payload)))
