"""
Probes that find out what is wrong: read only, retried, run in parallel.

A probe keeps no result and no cache: when a run resumes after an approval it must look again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture

from cct_ops.clients import first_looks
from cct_ops.clients.reader import CctReader
from cct_ops.diagnoses.canary_fix import CanaryFix
from cct_ops.diagnoses.canary_issue import CanaryDiagnosis, CanaryFindings, DirectCall
from cct_ops.diagnoses.deployment import with_deployment
from cct_ops.diagnoses.rollback import RESTORE, RollbackDiagnosis, RollbackFindings
from cct_ops.diagnoses.rollback_plan import Option, RollbackOptions, WatchWindow
from cct_ops.diagnoses.rollback_unseen import by_status_alone
from cct_ops.errors import (
    ContractBroken,
    NotPermitted,
    OpsError,
    Rejected,
    Unavailable,
    Unsupported,
)
from cct_ops.models.base import counted
from cct_ops.models.cct import Health, Route
from tasks import story
from tasks.connections import reader, settings
from tasks.deployment import probe_deployment

T = TypeVar("T")

# Longer silences are no limit that refills but a lock: a run that waits for its end helps nobody.
LONGEST_PATIENCE_SECONDS = 90.0


def transient(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001 -- Prefect's signature
    """Say whether a failed probe is worth another try: only ``Unavailable`` is, and soon."""
    error = state.result(raise_on_failure=False)
    if (
        not isinstance(error, Unavailable)
        or (error.retry_after_seconds or 0) > LONGEST_PATIENCE_SECONDS
    ):
        return False
    story.warned("No answer to %s: %s", task.name, error)
    return True


probe = task(
    retries=3,
    retry_delay_seconds=[1, 4, 16],
    retry_condition_fn=transient,
    cache_policy=NO_CACHE,
    persist_result=False,
)


def cct_probe(name: str, read: Callable[[CctReader], T]) -> Task[[], T]:
    """Make the probe that reads one thing of CCT."""

    def see() -> T:
        with reader() as cct:
            return read(cct)

    see.__name__ = see.__qualname__ = name
    see.__doc__ = read.__doc__
    return probe(see)


probe_canary = cct_probe("probe_canary", CctReader.canary_status)
probe_traffic = cct_probe("probe_traffic", CctReader.canary_metrics)


@probe
def probe_call(*, as_canary: bool) -> DirectCall:
    """Call CCT as its users do, or marked for the canary; a failure is what it may find."""
    try:
        with reader() as cct:
            symbols = first_looks.symbols_as_canary(cct) if as_canary else first_looks.symbols(cct)
    except (Rejected, Unavailable, ContractBroken) as error:
        return DirectCall(well=False, seen=str(error))
    return DirectCall(well=True, seen=f"{counted(len(symbols), 'symbol')}")


probe_rules = cct_probe("probe_rules", CctReader.canary_config)
probe_history = cct_probe("probe_history", first_looks.canary_history)
probe_rollbacks = cct_probe("probe_rollbacks", CctReader.canary_rollbacks)
probe_slo = cct_probe("probe_slo", first_looks.slo_status)
probe_breaches = cct_probe("probe_breaches", first_looks.slo_breaches)


@probe
def probe_health() -> Health:
    """Read CCT's word on its health; no answer fails no run, because no answer is a signal."""
    try:
        with reader() as cct:
            return cct.health()
    except OpsError as error:
        return Health(answered=False, status=str(error))


def offered(future: PrefectFuture[T]) -> T | None:
    """Return what a probe saw, or None where this CCT does not offer what it asked for."""
    try:
        return future.result()
    except Unsupported:
        return None


def _missing(asked: Mapping[str, PrefectFuture[Any] | None]) -> dict[str, str]:
    """Return what this CCT does not offer of what was asked, each with the words for it."""
    found = {}
    for path, future in asked.items():
        try:
            if future is not None:
                future.result()
        except Unsupported as missing:
            found[path] = str(missing)
    return found


def diagnose_canary(target: Route, fix: CanaryFix) -> CanaryDiagnosis:
    """
    Look at everything that shows what is wrong with the canary of ``target``, and conclude.

    Raises ``ContractBroken`` when CCT does not list the route, ``Unsupported`` when it has no
    canary administration at all.
    """
    status, config, traffic, slo, plain, marked = (
        probe_canary.submit(),
        probe_rules.submit(),
        probe_traffic.submit(),
        probe_slo.submit(),
        probe_call.submit(as_canary=False),
        probe_call.submit(as_canary=True),
    )
    for each in (status, config, traffic, slo, plain, marked):
        each.wait()  # none is left behind when one fails
    canary = status.result().routes.get(target)
    if canary is None:
        raise ContractBroken(f"GET canary/status does not list {target}.")
    settled, measured, objectives = offered(config), offered(traffic), offered(slo) or ()
    share = settled.routes.get(target) if settled else None
    findings = CanaryFindings(
        config=canary,
        configured_percent=share.percentage if share else None,
        traffic=measured.routes.get(target) if measured else None,
        thresholds=next((each.thresholds for each in objectives if each.endpoint == target), None),
        plain=plain.result(),
        as_canary=marked.result(),
    )
    return CanaryDiagnosis.of(target, findings, _watch(), fix)


def _watch() -> WatchWindow:
    return WatchWindow(seconds=settings().watch_seconds, min_samples=settings().min_samples)


rollback_options = RollbackOptions.of


def diagnose_rollback(target: Route, options: RollbackOptions = RESTORE) -> RollbackDiagnosis:
    """
    Look at everything that shows why the canary of ``target`` is off, and conclude.

    Raises ``ContractBroken`` when CCT does not list the route, and ``NotPermitted`` when deploying
    anew is wanted and GitHub cannot be read.
    """
    deployed = probe_deployment.submit()
    canary = probe_canary.submit()
    history = probe_history.submit()
    rollbacks = probe_rollbacks.submit()
    slo = probe_slo.submit()
    breaches = probe_breaches.submit()
    health = probe_health.submit()
    rules = probe_rules.submit() if options.option.weakens else None
    for each in (deployed, canary, history, rollbacks, slo, breaches, health, rules):
        if each is not None:
            each.wait()  # none is left behind when one fails

    config = canary.result().routes.get(target)
    if config is None:
        raise ContractBroken(f"GET canary/status does not list {target}.")
    missing = _missing(
        {
            "canary/config": rules,
            "canary/history": history,
            "canary/rollbacks": rollbacks,
            "slo/breaches": breaches,
            "slo/status": slo,
        }
    )
    if missing:
        kept = not {"canary/history", "canary/rollbacks"} & missing.keys()
        events = (*rollbacks.result(), *history.result()) if kept else None
        return by_status_alone(target, config, health.result(), missing, options.option, events)
    objectives = {status.endpoint: status for status in slo.result()}.get(target)
    if objectives is None:
        raise ContractBroken(f"GET slo/status does not list {target}.")
    deployment = deployed.result()
    redeploy = options.option is Option.REDEPLOY
    if redeploy and deployment.problem is not None:
        raise NotPermitted(f"Nothing was done: deploying anew needs GitHub. {deployment.problem}")
    diagnosis = RollbackDiagnosis.of(
        target,
        RollbackFindings(
            canary=config,
            history=history.result(),
            rollbacks=rollbacks.result(),
            slo=objectives,
            breaches=breaches.result(),
            health=health.result(),
            rules=rules.result() if rules else None,
        ),
        _watch(),
        options,
    )
    return with_deployment(diagnosis, deployment, redeploy=redeploy)


# Long enough to see a second opinion of every cache on the way, short enough for the budget.
LONGEST_SECONDS = 10.0


def watch_seconds() -> float:
    """Return no more than the time by which CCT's reads may lag."""
    return min(settings().settle_seconds, LONGEST_SECONDS)
