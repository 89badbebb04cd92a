"""Verification: whether the steady state holds after a change, watched over a window."""

from __future__ import annotations

import time

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from cct_ops import interrupts, tracing
from cct_ops.errors import SteadyStateNotReached, Unavailable
from cct_ops.ledger.record import account
from cct_ops.models.cct import Route
from cct_ops.models.plan import (
    ChangeHolds,
    ExemptionsConsistent,
    LimitNotReached,
    Plan,
    WorkflowSucceeds,
)
from cct_ops.models.verification import Verdict, Verification
from tasks import story
from tasks.authorise import executor
from tasks.cleanup import exemptions_consistent
from tasks.connections import current_run, github_reader, ledger, reader
from tasks.mitigate import limit_not_reached

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
LATEST_RUNS = 20


@task(cache_policy=NO_CACHE, persist_result=False)
def verify(plan: Plan) -> Verification:
    """
    Watch what the plan promised, with growing pauses, until its watch window is over.

    A look that is not answered says nothing and is taken again. Raises
    ``SteadyStateNotReached`` as soon as one look shows that the steady state is broken.
    """
    with tracing.span("verify", {"cct_ops.target": plan.target}) as span:
        found = _watched(plan)
        span.set_attribute("cct_ops.verdict", found.verdict.value)
        record(found)
        if found.verdict is Verdict.BROKEN:
            raise SteadyStateNotReached(found.reason)
        return found


def _watched(plan: Plan) -> Verification:
    until = time.monotonic() + plan.steady_state.watch_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        last = time.monotonic() >= until
        try:
            found = _judge(plan)
        except Unavailable as error:
            get_run_logger().warning("This look says nothing: %s", error)
            found = Verification(verdict=Verdict.TOO_FEW_SAMPLES, reason=f"The last look: {error}")
        if found.verdict is Verdict.BROKEN or found.final or last:
            return found
        interrupts.sleep(max(0.0, min(pause, until - time.monotonic())))
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)


def record(found: Verification) -> None:
    """Write down how the watch after the run's change ended, and log it."""
    account.record_verification(ledger(), current_run().id, found)
    story.verified(found)


def _judge(plan: Plan) -> Verification:
    """Judge the plan's kind of steady state by one look."""
    steady = plan.steady_state
    if isinstance(steady, ChangeHolds):
        return _still_so(plan, steady)
    if isinstance(steady, WorkflowSucceeds):
        with github_reader() as github:
            runs = github.workflow_runs(steady.workflow, LATEST_RUNS)
        return Verification.of_workflow(steady, runs)
    with reader() as cct:
        if isinstance(steady, ExemptionsConsistent):
            return exemptions_consistent(steady, cct)
        if isinstance(steady, LimitNotReached):
            return limit_not_reached(steady, cct)
        route = Route(plan.target)
        return Verification.of_canary(route, steady, cct.canary_status(), cct.canary_metrics())


def _still_so(plan: Plan, steady: ChangeHolds) -> Verification:
    """Look once more at what each step changed."""
    for call in plan.calls:
        look = executor().systems.look_at(call)
        if not look.took_effect:
            return Verification(
                verdict=Verdict.BROKEN, reason=f"{call} no longer holds: {look.seen}."
            )
    return Verification(verdict=Verdict.HOLDS, reason=f"{steady.what}.", samples=len(plan.calls))
