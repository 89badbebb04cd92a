"""
A chaos test failed, or has to be stopped.

Runbook: docs/runbooks/chaos_failure.md
Blast radius: experiments that are going on end early; a retest hurts staging as it did before.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.diagnoses.chaos_failure import Retest
from cct_ops.models.run import Id, Mode, Resolution
from tasks.attempts import one_attempt
from tasks.chaos_failure import diagnose_chaos, may_act, start_retest, stop_experiments
from tasks.report import report, report_failure, reported


@one_attempt
@flow(
    name="chaos-failure",
    flow_run_name="chaos-failure",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def chaos_failure(
    experiment: Id | None = None, retest: Retest = Retest.PROPOSE, mode: Mode = Mode.APPROVE
) -> State[Resolution]:
    """
    Stop what is still going on, find out which kind of failure it was, and test again.

    Args:
        experiment: The run of the experiment; empty for the newest.
        retest: Only propose the adjusted test, or start it as a run of its own.
        mode: The most that this run and its retest may do; stopping faults needs no approval.
    """
    diagnosis = diagnose_chaos(experiment)
    acts = may_act(mode) and not diagnosis.quiet
    if acts:
        stop_experiments()
        diagnosis = diagnose_chaos(experiment)
    if retest is Retest.RUN and may_act(mode) and diagnosis.retest and diagnosis.quiet:
        start_retest(diagnosis.retest, mode, experiment)
    return report(diagnosis.outcome_of_acting if acts else diagnosis.outcome, diagnosis)
