"""
The gate of the run in Prefect: made once per run, with its one look at the policy.

What puts things back needs no gate: no policy may stop it, so it is given an executor alone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from threading import Lock

from cct_ops.actions import registry
from cct_ops.actions.action import Action, ReadBack
from cct_ops.clients import alertmanager
from cct_ops.config import policy
from cct_ops.gate import scheduled_reverts
from cct_ops.gate.apply_and_confirm import Executor
from cct_ops.gate.collaborators import SystemClock
from cct_ops.gate.gate import Decision, Gate
from cct_ops.models.diagnosis import Diagnosis, RenewedDiagnosis
from cct_ops.models.plan import Call, Permit
from cct_ops.models.run import Mode, Run
from cct_ops.models.silence import Silence
from tasks import approval, notify, story
from tasks.connections import LOOKS_SINCE, SYSTEMS, current_run, ledger, settings

# Two threads of a run must not read the policy twice.
_MAKING = Lock()


def authorise(
    diagnosis: Diagnosis, mode: Mode, again: Callable[[], RenewedDiagnosis]
) -> AbstractContextManager[Decision]:
    """Decide whether the diagnosis's plan may be carried out, and surround what is done on it."""
    LOOKS_SINCE.set(None)  # from here on every look is a fresh one
    return gate().authorise(diagnosis, mode, again)


def gate() -> Gate:
    """Return the gate of this run."""
    return gate_of(current_run())


def gate_of(run: Run) -> Gate:
    """Return the gate of a run; raises ``BadConfiguration`` for a policy that is wrong."""
    with _MAKING:
        return _gate_of(run)


@lru_cache(maxsize=8)
def _gate_of(run: Run) -> Gate:
    return Gate(
        executor=executor_of(run),
        policy=policy.read(settings().policy_path),
        notifier=notify,
        suspension=approval,
        schedule_revert=partial(scheduled_reverts.schedule, ledger()),
    )


def executor() -> Executor:
    """Return what carries calls out for this run."""
    return executor_of(current_run())


def executor_of(run: Run) -> Executor:
    """Return what carries calls out for a run, each as a task of its own."""
    return Executor(
        run=run,
        engine=ledger(),
        settings=settings(),
        clock=SystemClock(),
        systems=_Outside(),
        story=story,
        as_step=_as_task,
    )


def _as_task(permit: Permit, call: Call) -> None:
    """Carry a call out as the task of its action."""
    from tasks.actions import TASKS  # each of them is made of what stands here

    TASKS[call.method](permit, registry.of(call))


class _Outside:
    """CCT, GitHub and Alertmanager, as the actions reach them."""

    def action(self, call: Call) -> Action:
        """Return the action of a stored call."""
        return registry.of(call)

    def look_at(self, call: Call) -> ReadBack:
        """Look once whether the call's effect shows, in the system that it concerns."""
        action = registry.of(call)
        with SYSTEMS[action.system].reader() as world:
            return action.read_back(world)

    def send(self, permit: Permit, call: Call) -> None:
        """Send the call once."""
        with SYSTEMS[registry.of(call).system].operator(permit) as world:
            world.perform(call)

    def silences(self) -> tuple[Silence, ...]:
        """Return Alertmanager's silences that count now."""
        url = settings().alertmanager_url
        if url is None:
            return ()
        return alertmanager.silences(str(url), settings().request_timeout_seconds)
