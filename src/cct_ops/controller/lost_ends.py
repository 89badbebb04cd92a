"""
Finds runs that are over in Prefect and have no account: their end was lost, and no run may be.

A run writes its account before it ends. It cannot where the ledger is away for longer than it
waits, where its process ends before any of our code ran, or where nothing ran at all because a
person cancelled it first. Prefect says which runs ended lately, and the ledger which of them owe an
account. Each is locked out like one that died, and the sweep of crashed runs does the rest.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from cct_ops.clients.server import CONFIGURED, Server, ended_since
from cct_ops.ledger.gate import owed_accounts
from cct_ops.ledger.set_aside import border
from cct_ops.models.run import REFUSED, Outcome

EVERY_SECONDS = 30.0
# A state becomes visible only with its commit, which waits while Prefect's database fails over.
OVERLAP_SECONDS = 300.0
# The first sweep of an installation does not ask for all runs that there ever were.
FIRST_SECONDS = 3600.0
# The hooks of a run that ended give its account by then, and a controller has marked its row.
GRACE_SECONDS = 60.0

# In these states ends only who has written its account. By the other two anybody may end it.
_ACCOUNTED = sorted(set(Outcome) - {Outcome.FAILED, Outcome.CANCELLED})

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LostEnds:
    """One sweep after another; safe beside those of other controllers."""

    engine: sa.Engine
    grace_seconds: float = GRACE_SECONDS
    overlap_seconds: float = OVERLAP_SECONDS
    server: Server = CONFIGURED

    def __call__(self) -> None:
        """Look at what ended since the last time, and lock out what has long owed an account."""
        self._look()
        border(self.engine, "runs without an account").each(
            owed_accounts.due(self.engine, self.grace_seconds), str, self._take
        )

    def _look(self) -> None:
        with self.server.connect() as client:
            now = self.server.now(client)
            before = owed_accounts.looked_until(self.engine)
            if before is None:
                before = now - timedelta(seconds=FIRST_SECONDS)
            # Its clock may have been ahead the last time, and been set right since then.
            since = min(before, now) - timedelta(seconds=self.overlap_seconds)
            ended = {run.id: run.state_name for run in ended_since(client, since, _ACCOUNTED)}
        refused = {run_id for run_id, name in ended.items() if name == REFUSED}
        new = owed_accounts.record(self.engine, ended.keys() - refused, refused, now)
        if new:
            _log.warning("%d runs ended in Prefect and gave no account yet.", new)

    def _take(self, run_id: UUID) -> None:
        if owed_accounts.take(self.engine, run_id):
            _log.warning("Run %s is over and gave no account: taken for dead.", run_id)
