"""The outcome of the alert: read from the ledger and from Prefect, as a person would do it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

import sqlalchemy as sa
from pydantic import AwareDatetime, BaseModel, SecretStr, TypeAdapter

from cct_ops.errors import Unavailable
from cct_ops.ledger.engine import connect
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.ledger.record import account
from cct_ops.ledger.record.account import RunRecord
from cct_ops.stack.prefect_auth import api_client
from cct_ops.stack.up import Running

_POLL_SECONDS = 0.2


class _TaskRun(BaseModel):
    name: str
    start_time: AwareDatetime | None


_TASK_RUNS = TypeAdapter(list[_TaskRun])


@dataclass(frozen=True, slots=True)
class Follower:
    """Follows the one incident of a fresh stack."""

    engine: sa.Engine
    env: Mapping[str, str]

    @classmethod
    def of(cls, stack: Running) -> Self:
        """Follow the incident of this stack."""
        engine = connect(SecretStr(stack.env["CCT_OPS_DATABASE_URL"]))
        return cls(engine, stack.env)

    def run(self, until: float) -> UUID:
        """Wait until the incident has a run."""
        while True:
            with self.engine.connect() as connection:
                row = connection.execute(
                    sa.select(dispatches.c.state, dispatches.c.flow_run_id, dispatches.c.note)
                ).first()
            if row is not None and row.flow_run_id is not None:
                return UUID(str(row.flow_run_id))
            seen = f"it is {row.state} ({row.note or 'no note'})" if row else "it was not received"
            _pause(until, f"No run was started for the alert: {seen}.")

    def outcome(self, run_id: UUID, until: float) -> RunRecord:
        """Wait until the run has reported how it ended."""
        while True:
            known = account.of_run(self.engine, run_id)
            if known.outcome is not None:
                return known
            _pause(until, f"The run did not end; it has got as far as {_last(known)}.")

    def first_probe(self, run_id: UUID) -> datetime | None:
        """Return when the first probe of the run began."""
        asked = {"flow_runs": {"id": {"any_": [str(run_id)]}}}
        with api_client(self.env, 10) as client:
            answer = client.post("/task_runs/filter", json=asked).raise_for_status()
        began = [
            task.start_time
            for task in _TASK_RUNS.validate_json(answer.content)
            if task.name.startswith("probe_") and task.start_time is not None
        ]
        return min(began, default=None)


def _pause(until: float, problem: str) -> None:
    if time.monotonic() > until:
        raise Unavailable(f"{problem} Try `cct-ops demo --keep` and look at it in the Prefect UI.")
    time.sleep(_POLL_SECONDS)


def _last(known: RunRecord) -> str:
    if known.actions:
        return f"the action {known.actions[-1].call}"
    return "its decision" if known.decisions else "its probes"
