"""
Whether the playbooks still do what they are for, drilled four times a year.

Runbook: docs/runbooks/game_day.md
Blast radius: none; the drills have a stack and a sandbox of their own.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.models.run import Resolution
from tasks.attempts import one_attempt
from tasks.game_day import Drilled, drill
from tasks.report import report, report_failure, reported


@one_attempt
@flow(
    name="game-day",
    flow_run_name="game-day",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def game_day(playbooks: tuple[Drilled, ...] = ()) -> State[Resolution]:
    """
    Drill each playbook against a sandbox with its fault seeded, and show what still works.

    Args:
        playbooks: Only these; empty for all that have a drill.
    """
    diagnosis = drill(playbooks)

    return report(diagnosis.outcome, diagnosis)
