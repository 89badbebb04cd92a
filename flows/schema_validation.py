"""
Test summaries fail their schema, and deployments are blocked or about to be.

Runbook: docs/runbooks/schema_validation.md
Blast radius: one pull request, or for a while a validation that warns instead of failing.
"""

from __future__ import annotations

from functools import partial

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.diagnoses.schema_findings import Fix, Minutes, RunNumber, Workflow
from cct_ops.models.run import Mode, Resolution
from tasks.actions import perform_all
from tasks.attempts import one_attempt
from tasks.authorise import authorise
from tasks.report import report, report_failure, reported
from tasks.validate import diagnose_schema
from tasks.verify import verify


@one_attempt
@flow(
    name="schema-validation",
    flow_run_name="schema-validation {target}",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def schema_validation(
    target: Workflow = "deploy.yml",
    run_id: RunNumber | None = None,
    fix: Fix = Fix.SCHEMA,
    mode: Mode = Mode.APPROVE,
    minutes: Minutes = 60,
) -> State[Resolution]:
    """
    Find out why summaries fail their schema and, once allowed, carry out one option.

    Args:
        target: The workflow that validates, as its file's name.
        run_id: The failed run at GitHub, as its page's address has it; empty for the latest.
        fix: Open a pull request with a new schema or a summary, or let it warn for a while.
        mode: The most it may do: only look (observe), act after a yes (approve), act alone (auto).
        minutes: How long a bypass lasts before it is taken back.
    """
    look = partial(diagnose_schema, target, run_id, fix, minutes)
    if (diagnosis := look()).plan is None:
        return report(diagnosis.outcome, diagnosis)

    with authorise(diagnosis, mode, again=look) as decision:
        if decision.permit:
            perform_all(decision.permit)
            verify(diagnosis.plan)
    return report(decision, diagnosis)
