"""
Putting things back: under the target's lock and with a permit, and never stopped by a guard.

Undo, recovery after a crash and the end of temporary changes all go this way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from uuid import UUID

from cct_ops import interrupts
from cct_ops.clients.exchange import LONGEST_WAIT_SECONDS
from cct_ops.errors import NotPermitted, SteadyStateNotReached
from cct_ops.gate.apply_and_confirm import Executor
from cct_ops.ledger.gate import locks, permits
from cct_ops.ledger.statements import within
from cct_ops.models.base import duration
from cct_ops.models.plan import Call, Permit, PermitKind, Plan

# A lock and a permit for putting back leave room for the write, its read-back and slow answers, and
# for the longest silence that CCT asks for: the way back waits until it is over.
MARGIN_SECONDS = LONGEST_WAIT_SECONDS + 600.0
LOCK_POLL_SECONDS = 1.0


def wait_for_lock(
    executor: Executor, target: str, seconds: float, *, dead_run_id: UUID | None = None
) -> int | None:
    """
    Wait for the target's lock; returns its fencing token, None when it was not to be had.

    A run that is to change nothing any more does not wait on.
    """
    clock, run_id = executor.clock, executor.run.id
    until = clock.monotonic() + executor.settings.lock_wait_seconds
    while (
        (token := locks.acquire(executor.engine, target, run_id, seconds, dead_run_id=dead_run_id))
        is None
        and clock.monotonic() < until
        and not interrupts.stands_back()
    ):
        clock.sleep(LOCK_POLL_SECONDS)
    return token


@contextmanager
def holding(executor: Executor, target: str, *, dead_run_id: UUID | None = None) -> Iterator[int]:
    """
    Hold the target's lock, after waiting for it, and yield its fencing token.

    The lock of a run that was taken for dead is taken over. Raises ``NotPermitted`` when another
    run does not give it back in time.
    """
    with executor.alive():
        token = wait_for_lock(executor, target, _seconds(executor), dead_run_id=dead_run_id)
        if token is None:
            raise NotPermitted(
                f"Another run was changing {target} for"
                f" {duration(executor.settings.lock_wait_seconds)}."
            )
        try:
            yield token
        finally:
            locks.release(executor.engine, target, token)


def put_all_back(executor: Executor, plan: Plan, calls: Sequence[Call], token: int) -> None:
    """
    Carry out ``calls`` in their order, each read back, and look at all of them once more.

    Raises ``NotPermitted`` when the lock was lost to another run.
    """
    with _permitted(executor, plan, calls, token) as permit:
        executor.perform_all(permit)
    for call in calls:
        look = executor.systems.look_at(call)
        if not look.took_effect:
            raise SteadyStateNotReached(f"{call} was carried out and no longer holds: {look.seen}.")


@contextmanager
def _permitted(
    executor: Executor, plan: Plan, calls: Sequence[Call], token: int
) -> Iterator[Permit]:
    engine, seconds = executor.engine, _seconds(executor)
    if not locks.renew(engine, plan.target, token, seconds):
        raise NotPermitted(f"The lock of {plan.target} was lost to another run.")
    issue = partial(
        permits.issue,
        kind=PermitKind.RESTORE,
        plan=plan,
        calls=calls,
        run=executor.run,
        fencing_token=token,
        seconds=seconds,
    )
    permit = within(engine, issue, repeatable=True)
    try:
        yield permit
    finally:
        permits.close(engine, permit)


def _seconds(executor: Executor) -> float:
    return executor.settings.settle_seconds + MARGIN_SECONDS
