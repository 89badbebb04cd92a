"""The life of a warm process after its fork: get ready, wait for a command, carry it out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import sys
from collections.abc import Mapping
from typing import Any

import httpx
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import SyncClientContext, refresh_global_settings_context
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.logging.loggers import flow_run_logger

from cct_ops.worker import compatibility
from cct_ops.worker.prefect_patches import apply_patches, report
from cct_ops.worker.preload import Flows
from cct_ops.worker.protocol import BEGUN, Command, receive
from cct_ops.worker.start_barrier import StartBarrier


def live(line: socket.socket, flows: Flows) -> int:
    """Carry out one command and return the exit code; 0 as well when none ever came."""
    _seed()
    with contextlib.ExitStack() as connections:
        # Made here and not before the fork: a connection has one owner.
        with contextlib.suppress(httpx.HTTPError, RuntimeError):  # no API now: it is tried again
            connections.enter_context(SyncClientContext.get_or_create())
        command = receive(line)
        if command is None:
            return 0
        if _take_environment(command.env):
            connections.close()
        if not command.stream_output:
            _silence()
        if command.kind == "run":
            _run(command, flows, line)
        else:
            _run_hooks(command, flows)
    return 0


def _seed() -> None:
    """Forked twins would draw the same numbers."""
    random.seed()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()


def _take_environment(env: Mapping[str, str]) -> bool:
    """Take the run's environment; True if Prefect's settings changed with it."""
    before = _prefect_settings(os.environ)
    os.environ.clear()
    os.environ.update(env)
    if _prefect_settings(os.environ) == before:
        return False
    refresh_global_settings_context()
    return True


def _prefect_settings(env: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in env.items()
        if name.startswith("PREFECT_") and not name.startswith("PREFECT__")
    }


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)


def _run(command: Command, flows: Flows, line: socket.socket) -> None:
    """Do what ``python -m prefect.engine`` does, with a run and a flow that are here already."""
    compatibility.configure_from_env()
    flow_run = FlowRun.model_validate(command.flow_run)
    barrier = StartBarrier()
    apply_patches(flow_run, command.answers, line, barrier)
    with compatibility.handle_engine_signals(flow_run.id):
        logger = flow_run_logger(flow_run)
        try:
            flow = _flow(command.entrypoint, flows)
        except Exception:
            logger.exception("The flow could not be loaded.")
            raise
        if flow.isasync:  # its client is another, which waits for nothing and reports nothing
            barrier.wait_on(line)
            report(line, BEGUN)
        with compatibility.RunMetrics(flow_run, flow):
            result = compatibility.run_flow(flow, flow_run=flow_run, error_logger=logger)  # type: ignore[arg-type]  # as Prefect does
            compatibility.drive(flow, result)


def _run_hooks(command: Command, flows: Flows) -> None:
    """Run the hooks for the state of a run whose own process is gone."""
    flow_run = FlowRun.model_validate(command.flow_run)
    state: State[Any] = State.model_validate(command.state)

    async def resolve_flow(_flow_run: FlowRun) -> Flow[Any, Any]:
        return _flow(command.entrypoint, flows)

    async def run_hooks() -> None:
        hooks = compatibility.HookRunner(resolve_flow=resolve_flow)
        await hooks.run_cancellation_hooks(flow_run, state)
        await hooks.run_crashed_hooks(flow_run, state)

    asyncio.run(run_hooks())


def _flow(entrypoint: str, flows: Flows) -> Flow[Any, Any]:
    known = flows.get(entrypoint)
    return known or load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
