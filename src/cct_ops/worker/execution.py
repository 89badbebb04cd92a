"""
Forked runs under Prefect's own executor, and the runs of workers that are no more.

The executor is shared by all runs of the worker: one connection watches for cancellations, where
the process worker opens one per run.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import anyio.abc
import httpx
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling
from prefect.workers.process import ProcessWorkerResult

from cct_ops.worker.compatibility import FlowRunExecutorContext, ProcessHandle, StateProposer
from cct_ops.worker.forks import Child, NotWarm
from cct_ops.worker.prefork_pool import Nursery
from cct_ops.worker.protocol import Order
from cct_ops.worker.run_lock_files import Trace, Traces
from cct_ops.worker.start_barrier import CLAIMED
from cct_ops.worker.suspensions import Suspensions

_log = logging.getLogger("prefect.worker.warm")

_LOOK_SECONDS = 5.0  # for the ends of processes that outlived their worker

MakeOrder = Callable[[FlowRun], Awaitable[Order | None]]
Status = anyio.abc.TaskStatus[Any]


@dataclass
class Ready:
    """
    A run that is being claimed, and the process that is made ready for it.

    The process holds the lock of the trace too, as a sign of life.
    """

    context: FlowRunExecutorContext
    nursery: Nursery
    flow_run: FlowRun
    child: Child
    trace: Trace
    lock: int
    told: Order | None = None

    def tell(self, order: Order) -> None:
        """Hand the run over; it begins when we say that it is ours. Raises ``NotWarm``."""
        port, token = self.context.control_channel.register(self.flow_run.id)
        control = {
            "PREFECT__CONTROL_PORT": str(port),
            "PREFECT__CONTROL_TOKEN": token,
            # these hooks are run for it, after its end
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
        }
        handed = order.model_copy(update={"env": {**order.env, **control}})
        self.child.tell(handed, self.lock)
        self.told = order

    async def has(self, order: Order) -> bool:
        """See to it that it has this order, in another process if it had another one."""
        if self.told is not order:  # the deployment has changed since we last knew it
            self.drop()
            try:
                self.child = await self.nursery.take()
                self.tell(order)
            except NotWarm as error:
                _log.warning("Run %s takes the slow path: %s", self.flow_run.name, error)
                return False
        return True

    def drop(self) -> None:
        """Let go of the process, whose run it will not be; it ends without a trace."""
        self.context.control_channel.unregister(self.flow_run.id)
        self.child.let_go()


class Execution:
    """What happens to a run from its start to its end."""

    def __init__(
        self,
        context: FlowRunExecutorContext,
        suspensions: Suspensions,
        nursery: Nursery,
        make_order: MakeOrder,
    ) -> None:
        self._context = context
        self._suspensions = suspensions
        self._nursery = nursery
        self._hooks = _ForkedHooks(nursery, make_order)
        self._states = StateProposer(client=context.client)

    async def ready(self, flow_run: FlowRun, trace: Trace, lock: int) -> Ready:
        """Take a warm process for the run; raises ``NotWarm``."""
        child = await self._nursery.take()
        return Ready(self._context, self._nursery, flow_run, child, trace, lock)

    async def run(self, ready: Ready, on_start: Callable[[object], None]) -> ProcessWorkerResult:
        """Have the run, which is ours now, carried out; see to its state when its process ends."""
        executor = self._context.create_executor(
            ready.flow_run,
            _Starter(ready.child, self._suspensions),
            propose_submitting=False,
            hook_runner=self._hooks,
        )
        outcome = None

        async def execute(*, task_status: Status) -> None:
            nonlocal outcome
            outcome = await executor.submit(task_status=task_status)

        async with anyio.create_task_group() as group:
            handle = await group.start(execute)
            on_start(handle.pid)
        code = None if outcome is None else outcome.status_code
        if code is None:  # the fork server died first, and with it whoever could have told
            await self.settle(ready.trace, "Its process ended and nobody saw how.")
        return ProcessWorkerResult(identifier=str(ready.child.pid), status_code=code or 0)

    async def settle(self, trace: Trace, message: str) -> None:
        """Give the run of a dead process its final state, unless it has got on without us."""
        try:
            run = await self._context.client.read_flow_run(trace.flow_run_id)
        except ObjectNotFound:
            return
        state = run.state
        if state is None or state.is_final() or await self._has_got_on(trace):
            return
        if state.is_cancelling():
            await self._hooks.run_cancellation_hooks(run, state)
            await self._states.propose_cancelled(run, {"message": message})
        elif state.is_pending() or state.is_running():
            _log.warning("Run %s is marked as crashed: %s", run.name, message)
            crashed = await self._states.propose_crashed(run, message)
            if crashed is not None:
                await self._hooks.run_crashed_hooks(run, crashed)

    async def _has_got_on(self, trace: Trace) -> bool:
        """Whether the run waited again after this attempt began, and may be at work elsewhere."""
        states = await self._context.client.read_flow_run_states(trace.flow_run_id)
        began = next((each for each in states if each.id == trace.state_id), None)
        return began is None or any(
            each.is_scheduled() or each.is_paused()
            for each in states
            if each.timestamp > began.timestamp
        )

    async def settle_the_dead(self, pool: Path, ours: Container[UUID]) -> None:
        """
        See to the runs of this pool's workers that died; their processes may live still.

        One that is ``ours`` was taken up by nobody before us, however far its last worker had come.
        """
        message = "Its process died while no worker was there to see it."
        left = Traces.of_the_dead(pool)
        given_up: set[Trace] = set()
        with contextlib.ExitStack() as taken_over:
            for traces in left:
                taken_over.callback(traces.end)
            while traces_left := [trace for traces in left for trace in traces.left()]:
                for trace in set(traces_left) - given_up:
                    if not trace.is_alive:
                        try:
                            if trace.flow_run_id not in ours:
                                await self.settle(trace, message)
                            trace.remove()
                        except httpx.HTTPError as error:
                            _log.warning("%s is not settled yet: %s", trace.flow_run_id, error)
                        except Exception:  # noqa: BLE001 -- it is told, and the others go on
                            _log.exception("%s is left to the next worker", trace.flow_run_id)
                            given_up.add(trace)
                await anyio.sleep(_LOOK_SECONDS)


@dataclass(frozen=True)
class _Starter:
    """The executor's way to start the process."""

    child: Child
    suspensions: Suspensions

    async def start(
        self,
        flow_run: FlowRun,
        task_status: Status = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Let the run begin, say so, and return when the process has ended."""
        with self.suspensions.watched(flow_run, self.child):
            self.child.say(CLAIMED)
            # a child has what is asked of it: pid and returncode
            task_status.started(ProcessHandle(self.child))  # type: ignore[arg-type]
            await self.child.wait()


@dataclass(frozen=True)
class _ForkedHooks:
    """Runs a run's hooks in a warm process: the worker itself never imports a flow."""

    nursery: Nursery
    make_order: MakeOrder

    async def run_cancellation_hooks(self, flow_run: FlowRun, state: State[Any]) -> None:
        """Run them when the run is being cancelled."""
        if state.is_cancelling():
            await self._run(flow_run, Cancelling(message=state.message))

    async def run_crashed_hooks(self, flow_run: FlowRun, state: State[Any]) -> None:
        """Run them when the run has crashed."""
        if state.is_crashed():
            await self._run(flow_run, state)

    async def _run(self, flow_run: FlowRun, state: State[Any]) -> None:
        try:
            order = await self.make_order(flow_run)
            if order is None:
                _log.warning("The hooks of %s are not run: its code is elsewhere.", flow_run.name)
                return
            child = await self.nursery.take()
            child.tell(
                order.model_copy(update={"kind": "hooks", "state": state.model_dump(mode="json")})
            )
        except (NotWarm, ObjectNotFound) as error:
            _log.error("The hooks of %s could not be run: %s", flow_run.name, error)
            return
        await child.wait()
