"""
Forked runs under Prefect's own executor, and the runs of workers that are no more.

The executor is shared by all runs of the worker: one connection watches for cancellations, where
the process worker opens one per run.
"""

from __future__ import annotations

import contextlib
import logging
import time
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

from cct_ops.worker import metrics
from cct_ops.worker.compatibility import FlowRunExecutorContext, ProcessHandle, StateProposer
from cct_ops.worker.forks import Child, NotWarm
from cct_ops.worker.observers import Suspensions
from cct_ops.worker.prefork_pool import PreforkPool
from cct_ops.worker.protocol import CLAIMED, Command
from cct_ops.worker.run_lock_files import RunLockFile, RunLockFiles

_log = logging.getLogger("prefect.worker.warm")

# For the ends of processes that outlived their worker, and for Prefect's server to answer.
_LOOK_SECONDS = 5.0
# After that the controller takes the run for dead by itself.
_SETTLE_SECONDS = 300.0

MakeCommand = Callable[[FlowRun], Awaitable[Command | None]]
Status = anyio.abc.TaskStatus[Any]


@dataclass
class Ready:
    """
    A run that is being claimed, and the process that is made ready for it.

    The process holds the lock of the file too, as a sign of life.
    """

    context: FlowRunExecutorContext
    prefork_pool: PreforkPool
    flow_run: FlowRun
    child: Child
    lock_file: RunLockFile
    lock: int
    handed: Command | None = None

    @property
    def playbook(self) -> str:
        """The name of the flow that it was handed, which is that of its deployment."""
        entrypoint = self.handed.entrypoint if self.handed else ""
        return entrypoint.rpartition(":")[2].replace("_", "-")

    def hand_over(self, command: Command) -> None:
        """Hand the run over; it begins once its claim is acknowledged. Raises ``NotWarm``."""
        port, token = self.context.control_channel.register(self.flow_run.id)
        control = {
            "PREFECT__CONTROL_PORT": str(port),
            "PREFECT__CONTROL_TOKEN": token,
            # these hooks are run for it, after its end
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
        }
        handed = command.model_copy(update={"env": {**command.env, **control}})
        self.child.send(handed, self.lock)
        self.handed = command

    async def has(self, command: Command) -> bool:
        """See to it that it has this command, in another process if it had another one."""
        if self.handed is not command:  # the deployment has changed since we last knew it
            self.drop()
            try:
                self.child = await self.prefork_pool.take()
                self.hand_over(command)
            except NotWarm as error:
                _log.warning("Run %s takes the slow path: %s", self.flow_run.name, error)
                return False
        return True

    def drop(self) -> None:
        """Let go of the process, whose run it will not be; it ends and leaves nothing behind."""
        self.context.control_channel.unregister(self.flow_run.id)
        self.child.let_go()


class Execution:
    """Carries out runs from their start to their end."""

    def __init__(
        self,
        context: FlowRunExecutorContext,
        suspensions: Suspensions,
        prefork_pool: PreforkPool,
        make_command: MakeCommand,
    ) -> None:
        self._context = context
        self._suspensions = suspensions
        self._prefork_pool = prefork_pool
        self._hooks = _ForkedHooks(prefork_pool, make_command)
        self._states = StateProposer(client=context.client)

    async def ready(self, flow_run: FlowRun, lock_file: RunLockFile, lock: int) -> Ready:
        """Take a warm process for the run; raises ``NotWarm``."""
        child = await self._prefork_pool.take()
        return Ready(self._context, self._prefork_pool, flow_run, child, lock_file, lock)

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

        began = time.monotonic()
        async with anyio.create_task_group() as group:
            handle = await group.start(execute)
            on_start(handle.pid)
            group.start_soon(_count_start, ready)
        metrics.record_end(ready.playbook, time.monotonic() - began, ready.child.returncode)
        code = None if outcome is None else outcome.status_code
        if code is None:  # the fork server died first, and only it sees exit codes
            how = "Its process ended and nobody saw how."
            await self._settle_at_last(ready.lock_file, how, cancelling=True)
        elif code != 0:  # the executor has said so, unless the server was away: it asks but once
            how = f"Its process ended with exit code {code}."
            await self._settle_at_last(ready.lock_file, how, cancelling=False)
        return ProcessWorkerResult(identifier=str(ready.child.pid), status_code=code or 0)

    async def _settle_at_last(
        self, lock_file: RunLockFile, message: str, *, cancelling: bool
    ) -> None:
        """Settle the run, as soon as Prefect's server takes it."""
        until = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < until:
            try:
                if await self.settle(lock_file, message, cancelling=cancelling):
                    return
            except httpx.HTTPError as error:
                _log.warning("%s is not settled yet: %s", lock_file.flow_run_id, error)
            await anyio.sleep(_LOOK_SECONDS)

    async def settle(
        self, lock_file: RunLockFile, message: str, *, cancelling: bool = True
    ) -> bool:
        """
        Give the run of a dead process its final state, unless it has got on without us.

        Returns whether it needs none any more from us. One that is being cancelled is left to
        others where ``cancelling`` says no.
        """
        try:
            run = await self._context.client.read_flow_run(lock_file.flow_run_id)
        except ObjectNotFound:
            return True
        state = run.state
        if state is None or state.is_final() or await self._has_got_on(lock_file):
            return True
        if state.is_cancelling():
            if not cancelling:
                return True
            await self._hooks.run_cancellation_hooks(run, state)
            await self._states.propose_cancelled(run, {"message": message})
        elif state.is_pending() or state.is_running():
            _log.warning("Run %s is marked as crashed: %s", run.name, message)
            crashed = await self._states.propose_crashed(run, message)
            if crashed is None:
                return False
            await self._hooks.run_crashed_hooks(run, crashed)
        return True

    async def _has_got_on(self, lock_file: RunLockFile) -> bool:
        """Return True if the run waited again after this attempt: it may be at work elsewhere."""
        states = await self._context.client.read_flow_run_states(lock_file.flow_run_id)
        began = next((each for each in states if each.id == lock_file.state_id), None)
        return began is None or any(
            each.is_scheduled() or each.is_paused()
            for each in states
            if each.timestamp > began.timestamp
        )

    async def settle_abandoned_runs(self, pool: Path, ours: Container[UUID]) -> None:
        """
        See to the runs of this pool's workers that died; their processes may live still.

        One that is in ``ours`` was taken up by this worker: it is left alone.
        """
        message = "Its process died while no worker was there to see it."
        left = RunLockFiles.abandoned(pool)
        given_up: set[RunLockFile] = set()
        with contextlib.ExitStack() as taken_over:
            for lock_files in left:
                taken_over.callback(lock_files.end)
            while files_left := [file for lock_files in left for file in lock_files.left()]:
                for lock_file in set(files_left) - given_up:
                    if not lock_file.is_alive:
                        try:
                            taken_up = lock_file.flow_run_id in ours
                            if taken_up or await self.settle(lock_file, message):
                                lock_file.remove()
                        except httpx.HTTPError as error:
                            _log.warning("%s is not settled yet: %s", lock_file.flow_run_id, error)
                        except Exception:  # noqa: BLE001 -- it is logged, and the others go on
                            _log.exception("%s is left to the next worker", lock_file.flow_run_id)
                            given_up.add(lock_file)
                await anyio.sleep(_LOOK_SECONDS)


async def _count_start(ready: Ready) -> None:
    """Count the run when it is Running; one that ended before it was is none."""
    await ready.child.begun.wait()
    if not ready.child.gone.is_set():
        metrics.record_start(ready.playbook, ready.flow_run)


@dataclass(frozen=True)
class _Starter:
    """The executor's way to start the process."""

    child: Child
    suspensions: Suspensions

    async def start(
        self, flow_run: FlowRun, task_status: Status = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Let the run begin, report its start, and return when the process has ended."""
        with self.suspensions.watched(flow_run, self.child):
            self.child.send_line(CLAIMED)
            # a child has what is asked of it: pid and returncode
            task_status.started(ProcessHandle(self.child))  # type: ignore[arg-type]
            await self.child.wait()


@dataclass(frozen=True)
class _ForkedHooks:
    """Runs a run's hooks in a warm process: the worker itself never imports a flow."""

    prefork_pool: PreforkPool
    make_command: MakeCommand

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
            command = await self.make_command(flow_run)
            if command is None:
                _log.warning("The hooks of %s are not run: its code is elsewhere.", flow_run.name)
                return
            child = await self.prefork_pool.take()
            child.send(
                command.model_copy(update={"kind": "hooks", "state": state.model_dump(mode="json")})
            )
        except (NotWarm, ObjectNotFound) as error:
            _log.error("The hooks of %s could not be run: %s", flow_run.name, error)
            return
        await child.wait()
