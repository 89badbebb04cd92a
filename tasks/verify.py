"""Verification: whether the steady state holds after a change, watched over a window."""

from __future__ import annotations

import time

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from cct_ops.errors import SteadyStateNotReached, Unavailable
from cct_ops.ledger import record
from cct_ops.models.cct import Route
from cct_ops.models.plan import SteadyState
from cct_ops.models.verification import Verdict, Verification
from tasks.connections import current_run, ledger, reader

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0


@task(cache_policy=NO_CACHE, persist_result=False)
def verify_canary_serves(route: Route, steady: SteadyState) -> Verification:
    """
    Watch a canary that was put back, with growing pauses, until the watch window is over.

    A look that CCT does not answer says nothing and is taken again. Raises
    ``SteadyStateNotReached`` as soon as one look shows the canary off or out of bounds.
    """
    until = time.monotonic() + steady.watch_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        last = time.monotonic() >= until
        try:
            found = _look(route, steady)
        except Unavailable as error:
            get_run_logger().warning("This look says nothing: %s", error)
            found = Verification(verdict=Verdict.TOO_FEW_SAMPLES, reason=f"The last look: {error}")
        if found.verdict is Verdict.BROKEN or last:
            break
        time.sleep(max(0.0, min(pause, until - time.monotonic())))
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)

    record.verify(ledger(), current_run().id, found)
    if found.verdict is Verdict.BROKEN:
        raise SteadyStateNotReached(found.reason)
    return found


def _look(route: Route, steady: SteadyState) -> Verification:
    with reader() as cct:
        return Verification.of_canary(route, steady, cct.canary_status(), cct.canary_metrics())
