"""Probes of CCT's admin limiter, and what is concluded from them."""

from __future__ import annotations

from collections.abc import Callable

from prefect import task
from prefect.cache_policies import NO_CACHE

from cct_ops.clients import first_looks
from cct_ops.clients.reader import CctReader
from cct_ops.diagnoses.limits import Burst, LimitFindings
from cct_ops.diagnoses.rate_limiting import LimitDiagnosis, RateLimitOptions
from cct_ops.errors import ContractBroken, Unavailable
from cct_ops.models.cct import LimitClass, RateLimit
from tasks.connections import reader
from tasks.diagnose import cct_probe, watch_seconds

# CCT's bucket refills in silence only, and at this length one of 50 a minute has earned 5 requests.
SILENCE_SECONDS = 6.0
LARGEST_BURST = 5

# What a burst asks for, in the classes that have something to read.
READS: dict[LimitClass, Callable[[CctReader], object]] = {
    LimitClass.CANARY: CctReader.canary_status,
    LimitClass.EXEMPTIONS: CctReader.exemption_report,
}


probe_limit_status = cct_probe("probe_limit_status", CctReader.rate_limit_status)
probe_limit_events = cct_probe("probe_limit_events", first_looks.rate_limit_events)


@task(retries=0, cache_policy=NO_CACHE, persist_result=False)
def send_burst(
    target: LimitClass, limit: RateLimit, silence_seconds: float = SILENCE_SECONDS
) -> Burst | None:
    """
    Send a few requests after a silence that has earned them, and none after a refusal.

    So it takes nothing from anybody. Nobody of ours sends anything meanwhile, and every request
    waits for its place in the shared budget. Never retried; None where there is nothing to read.
    """
    read = READS.get(target)
    if read is None:
        return None
    earned = int(silence_seconds * 1000 * limit.max_requests / limit.window_ms)
    sent = 0
    with reader() as cct:
        cct.keep_silent(silence_seconds)
        while sent < min(earned, LARGEST_BURST):
            sent += 1
            try:
                read(cct)
            except Unavailable as error:
                if not error.refused:
                    raise
                return Burst(sent=sent, refused=True)
    return Burst(sent=sent, refused=False)


def diagnose_limit(target: LimitClass, options: RateLimitOptions) -> LimitDiagnosis:
    """
    Look at who is refused in one class, and conclude.

    Only where CCT says that nobody is refused does a burst show anything new: whether we are.
    Raises ``ContractBroken`` when CCT does not list the class.
    """
    status, events = probe_limit_status.submit(), probe_limit_events.submit()
    for each in (status, events):
        each.wait()  # none is left behind when one fails
    found = LimitFindings.of(target, status.result(), events.result(), None)
    if found is None:
        raise ContractBroken(f"GET rate-limit/status does not list {target}.")
    if not found.blocked:
        found = found.model_copy(update={"burst": send_burst(target, found.limit)})
    return LimitDiagnosis.of(found, options, watch_seconds())
