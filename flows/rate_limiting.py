"""
CCT's admin limiter refuses requests: somebody asks for too much, or the limit is too small.

Runbook: docs/runbooks/rate_limiting.md
Blast radius: one class of admin requests, and the load that CCT has to bear.
"""

from __future__ import annotations

from functools import partial

from prefect import flow
from prefect.client.schemas.objects import State

from cct_ops.diagnoses.rate_limiting import Fix, Minutes, RateLimitOptions, Requests, UserName
from cct_ops.models.cct import LimitClass
from cct_ops.models.run import Mode, Resolution
from tasks.actions import perform_all
from tasks.attempts import one_attempt
from tasks.authorise import authorise
from tasks.diagnose_limits import diagnose_limit
from tasks.report import report, report_failure, reported
from tasks.verify import verify


@one_attempt
@flow(
    name="rate-limiting",
    flow_run_name="rate-limiting {target}",
    on_failure=[report_failure],
    on_crashed=[report_failure],
    on_cancellation=[report_failure],
)
@reported
def rate_limiting(
    target: LimitClass, fix: Fix = Fix.RECOMMENDED, mode: Mode = Mode.APPROVE,
    user: UserName | None = None, max_requests: Requests | None = None, lasts_minutes: Minutes = 60,
) -> State[Resolution]:  # fmt: skip
    """
    Find out who is refused and why, and raise the limit for a while, clear it, or reset one user.

    Args:
        target: The class of admin requests that refuses.
        fix: What to do: what the diagnosis recommends, or one of the runbook's three fixes.
        mode: The most it may do: only look (observe), act after a yes (approve), act alone (auto).
        user: For reset-user, whose count; empty means the only one who is refused.
        max_requests: For raise, the limit in its window; empty means the demand and a quarter more.
        lasts_minutes: For raise, how long it holds before it is taken back.
    """
    options = RateLimitOptions(
        fix=fix, user=user, max_requests=max_requests, lasts_minutes=lasts_minutes
    )
    look = partial(diagnose_limit, target, options)
    if (diagnosis := look()).plan is None:
        return report(diagnosis.outcome, diagnosis)
    with authorise(diagnosis, mode, again=look) as decision:
        if decision.permit:
            perform_all(decision.permit)
            verify(diagnosis.plan)
    return report(decision, diagnosis)
