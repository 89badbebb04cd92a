"""
Putting things back: under the target's lock and with a permit, and never stopped by a guard.

Undo, recovery after a crash and the end of temporary changes all go this way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from cct_ops.clients.exchange import LONGEST_WAIT_SECONDS
from cct_ops.errors import NotPermitted, SteadyStateNotReached
from cct_ops.ledger import leases, locks, permits
from cct_ops.models.permit import Permit, PermitKind
from cct_ops.models.plan import Call, Plan
from cct_ops.models.quantities import duration
from tasks.actions import look_at, perform_all
from tasks.connections import current_run, ledger, settings

# A lock and a permit for putting back leave room for the write, its read-back and slow answers, and
# for the longest silence that CCT asks for: the way back waits until it is over.
MARGIN_SECONDS = LONGEST_WAIT_SECONDS + 600.0
LOCK_POLL_SECONDS = 1.0


@contextmanager
def holding(target: str, *, dead_run_id: UUID | None = None) -> Iterator[int]:
    """
    Hold the target's lock, after waiting for it, and yield its fencing token.

    The lock of a run that was taken for dead is taken over. Raises ``NotPermitted`` when another
    run does not give it back in time.
    """
    run = current_run()
    until = time.monotonic() + settings().lock_wait_seconds
    with leases.alive(ledger(), run.id, settings().lease_seconds):
        while (
            token := locks.acquire(ledger(), target, run.id, _seconds(), dead_run_id=dead_run_id)
        ) is None:
            if time.monotonic() >= until:
                raise NotPermitted(
                    f"Another run was changing {target} for"
                    f" {duration(settings().lock_wait_seconds)}."
                )
            time.sleep(LOCK_POLL_SECONDS)
        try:
            yield token
        finally:
            locks.release(ledger(), target, token)


def put_all_back(plan: Plan, calls: Sequence[Call], token: int) -> None:
    """
    Carry out ``calls`` in their order, each read back, and look at all of them once more.

    Raises ``NotPermitted`` when the lock was lost to another run.
    """
    with _permitted(plan, calls, token) as permit:
        perform_all(permit)
    for call in calls:
        sighting = look_at(call)
        if not sighting.took_effect:
            raise SteadyStateNotReached(
                f"{call} was carried out and no longer holds: {sighting.seen}."
            )


@contextmanager
def _permitted(plan: Plan, calls: Sequence[Call], token: int) -> Iterator[Permit]:
    if not locks.renew(ledger(), plan.target, token, _seconds()):
        raise NotPermitted(f"The lock of {plan.target} was lost to another run.")
    with ledger().begin() as tx:
        permit = permits.issue(
            tx,
            PermitKind.RESTORE,
            plan,
            calls,
            run=current_run(),
            fencing_token=token,
            seconds=_seconds(),
        )
    try:
        yield permit
    finally:
        permits.close(ledger(), permit)


def _seconds() -> float:
    return settings().settle_seconds + MARGIN_SECONDS
