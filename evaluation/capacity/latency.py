"""How long each stage took on the way from an alert to the first look of its run."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from evaluation.cluster.cluster import Cluster

STAGES = ("created", "claimed", "running", "looked")
"""After the alert was stored: its run is there, Pending, Running, and its first task begins."""

_RUNS = """
    select dispatches.flow_run_id, incidents.opened_at
    from incidents join dispatches on dispatches.incident_id = incidents.id
    where starts_with(incidents.labels->>'instance', %s) and dispatches.flow_run_id is not null
"""
_STATES = """
    select flow_run_id, type, min(timestamp) from flow_run_state
    where flow_run_id = any(%s) and type in ('SCHEDULED', 'PENDING', 'RUNNING') group by 1, 2
"""
_TASKS = """
    select flow_run_id, min(start_time) from task_run
    where flow_run_id = any(%s) and start_time is not null group by 1
"""


class Stages(NamedTuple):
    """The seconds since an incident was opened at which each stage was over, one row a run."""

    seconds: Sequence[Mapping[str, float]]

    def row(self) -> dict[str, Any]:
        """Return the number of runs, and the median and the 90th percentile of each stage."""
        if not self.seconds:
            return {"runs": 0}
        of = {stage: sorted(each[stage] for each in self.seconds) for stage in STAGES}
        return {
            "runs": len(self.seconds),
            "median": {stage: round(statistics.median(each), 4) for stage, each in of.items()},
            "p90": {
                stage: round(each[int(0.9 * (len(each) - 1))], 4) for stage, each in of.items()
            },
        }


def stages_of(made: Cluster, prefix: str) -> Stages:
    """Return them for the incidents about things whose names begin so."""
    with made.databases.connect(made.databases.primary, "cct_ops") as ledger:
        runs: dict[UUID, datetime] = dict(ledger.execute(_RUNS, [prefix]).fetchall())
    at: dict[UUID, dict[str, float]] = {}
    with made.databases.connect(made.databases.primary, "prefect") as prefect:
        ids = [list(runs)]
        states = {(run, kind): when for run, kind, when in prefect.execute(_STATES, ids)}
        tasks: dict[UUID, datetime] = dict(prefect.execute(_TASKS, ids).fetchall())
    for run, opened in runs.items():
        marks = [states.get((run, kind)) for kind in ("SCHEDULED", "PENDING", "RUNNING")]
        marks.append(tasks.get(run))
        if all(mark is not None for mark in marks):
            at[run] = {
                stage: (mark - opened).total_seconds()
                for stage, mark in zip(STAGES, marks, strict=True)
                if mark is not None
            }
    return Stages(list(at.values()))
