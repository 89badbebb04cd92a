"""Probes of the place where faults are injected: few requests at a time, never a burst."""

from __future__ import annotations

from cct_ops.clients import first_looks
from cct_ops.clients.reader import CctReader
from cct_ops.diagnoses.evidence import Service, service
from cct_ops.diagnoses.experiment import ExperimentDiagnosis, ExperimentOptions, StagingFindings
from cct_ops.errors import Unavailable, Unsupported
from cct_ops.models.chaos import STAGING
from cct_ops.models.journal import Result, Sample
from tasks.connections import current_run, reader, settings
from tasks.diagnose import probe, probe_health

# What CCT's chaos script calls, once each instead of in bursts that run into CCT's limiter.
SERVED: tuple[tuple[str, dict[str, str]], ...] = (
    ("data/symbols", {}),
    ("reports/pre-market", {}),
    ("sentiment/analysis", {"symbols": "AAPL"}),
)


@probe
def probe_staging() -> StagingFindings:
    """See where this is, whether anything is injected already, and how it serves."""
    with reader() as cct:
        try:
            environment = cct.chaos_status().environment
            if environment != STAGING:
                return StagingFindings(environment=environment)
            faults = tuple(fault.id for fault in cct.chaos_faults())
        except Unsupported as error:
            return StagingFindings(environment=None, without=str(error))
    return StagingFindings(
        environment=environment, faults=faults, health=probe_health.fn(), baseline=sample()
    )


def sample() -> tuple[Sample, ...]:
    """Call each endpoint once, one after the other; a failure is what is looked for."""
    with reader() as cct:
        return tuple(_sample(cct, path, query) for path, query in SERVED)


def missed_routes() -> int | None:
    """Count the routes that miss their objectives now; None where nothing says so."""
    try:
        with reader() as cct:
            statuses = first_looks.slo_status(cct)
    except (Unsupported, Unavailable):
        return None
    return sum(service(each, 1) is Service.BADLY for each in statuses)


def recorded_breaches() -> frozenset[str] | None:
    """Return the breaches that CCT's monitor has on record; None where it keeps none."""
    try:
        with reader() as cct:
            return frozenset(each.id for each in first_looks.slo_breaches(cct))
    except (Unsupported, Unavailable):
        return None


def diagnose_staging(options: ExperimentOptions) -> ExperimentDiagnosis:
    """Look whether an experiment may begin, and conclude."""
    return ExperimentDiagnosis.of(probe_staging(), options)


def fault_id() -> str:
    """Return the name of this run's fault."""
    return f"cct-ops-{current_run().id}"


def _sample(cct: CctReader, path: str, query: dict[str, str]) -> Sample:
    try:
        served = cct.serve(path, fault_id(), **query)
    except Unavailable as error:
        waited_ms = settings().request_timeout_seconds * 1000
        return Sample(path=path, result=Result.SILENT, latency_ms=waited_ms, seen=str(error))
    result = Result.GOOD if 200 <= served.status < 300 else Result.ERROR
    if served.status == 429:
        result = Result.LIMITED
    return Sample(path=path, result=result, latency_ms=served.seconds * 1000, seen=served.seen)
