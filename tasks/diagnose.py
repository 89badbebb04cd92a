"""
Probes that find out what is wrong: read only, retried, run in parallel.

A probe keeps no result and no cache: when a run resumes after an approval it must look again.
"""

from __future__ import annotations

from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from cct_ops.errors import ContractBroken, Unavailable
from cct_ops.models.cct import (
    CanaryRules,
    CanaryStatus,
    Health,
    RollbackEvent,
    Route,
    SloBreach,
    SloStatus,
)
from cct_ops.models.rollback import RESTORE, RollbackDiagnosis, RollbackFindings
from cct_ops.models.rollback_plan import Option, Watch, Wish
from tasks.connections import reader, settings

# The rollback that an alert is about is among the latest few, and its breach within the hour.
HISTORY_LIMIT = 20
BREACH_HOURS = 1
# Short enough that a breach which ended before an alert was handled is out of the window.
SLO_WINDOW_MINUTES = 5


def transient(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001 -- Prefect's signature
    """Say whether a failed probe is worth another try: only ``Unavailable`` is."""
    return isinstance(state.result(raise_on_failure=False), Unavailable)


probe = task(
    retries=3,
    retry_delay_seconds=[1, 4, 16],
    retry_condition_fn=transient,
    cache_policy=NO_CACHE,
    persist_result=False,
)


@probe
def probe_canary() -> CanaryStatus:
    """Read every route's canary share and how it came to be."""
    with reader() as cct:
        return cct.canary_status()


@probe
def probe_history() -> tuple[RollbackEvent, ...]:
    """Read the latest entries of the rollback history."""
    with reader() as cct:
        return cct.canary_history(HISTORY_LIMIT)


@probe
def probe_rollbacks() -> tuple[RollbackEvent, ...]:
    """Read the rollbacks that auto-rollback carried out."""
    with reader() as cct:
        return cct.canary_rollbacks()


@probe
def probe_slo() -> tuple[SloStatus, ...]:
    """Read every route's objectives over the last minutes."""
    with reader() as cct:
        return cct.slo_status(SLO_WINDOW_MINUTES)


@probe
def probe_breaches() -> tuple[SloBreach, ...]:
    """Read the breaches of the last hour."""
    with reader() as cct:
        return cct.slo_breaches(BREACH_HOURS)


@probe
def probe_health() -> Health:
    """Read whether CCT answers at all."""
    with reader() as cct:
        return cct.health()


@probe
def probe_rules() -> CanaryRules:
    """Read the rules of auto-rollback."""
    with reader() as cct:
        return cct.canary_config()


def diagnose_rollback(target: Route, wish: Wish = RESTORE) -> RollbackDiagnosis:
    """
    Look at everything that tells why the canary of ``target`` is off, and conclude.

    Raises ``ContractBroken`` when CCT does not list the route.
    """
    canary = probe_canary.submit()
    history = probe_history.submit()
    rollbacks = probe_rollbacks.submit()
    slo = probe_slo.submit()
    breaches = probe_breaches.submit()
    health = probe_health.submit()
    rules = None if wish.option is Option.RESTORE else probe_rules()

    config = canary.result().routes.get(target)
    objectives = {status.endpoint: status for status in slo.result()}.get(target)
    if config is None or objectives is None:
        path = "canary/status" if config is None else "slo/status"
        raise ContractBroken(f"GET {path} does not list {target}.")
    return RollbackDiagnosis.of(
        target,
        RollbackFindings(
            canary=config,
            history=history.result(),
            rollbacks=rollbacks.result(),
            slo=objectives,
            breaches=breaches.result(),
            health=health.result(),
            rules=rules,
        ),
        Watch(seconds=settings().watch_seconds, min_samples=settings().min_samples),
        wish,
    )
