"""Waits for the end of a change, and reports it as the ledger shows it (`cct-ops changes end`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound

from cct_ops.ledger.gate import changes
from cct_ops.models.change import ChangeState, TemporaryChange
from cct_ops.reports import manual

_LOOK_SECONDS = 0.5


def awaited(
    engine: sa.Engine, change: TemporaryChange, run_id: UUID, seconds: float
) -> tuple[TemporaryChange, State[Any] | None]:
    """Wait until the change or its run has ended; returns the change, and where the run stands."""
    deadline = time.monotonic() + seconds
    while True:
        state = _state(run_id)
        now = changes.read(engine, change.id)  # after the run: it writes its row before it ends
        over = state is not None and state.is_final()
        if not now.open or over or time.monotonic() >= deadline:
            return now, state
        time.sleep(_LOOK_SECONDS)


def account(
    change: TemporaryChange, run_id: UUID, state: State[Any] | None, seconds: float
) -> Iterator[str]:
    """Say how the end of a change came out, and where it did not, what a person does."""
    if not change.open:
        yield f"{change.call} on {change.target} is {change.state}. {change.note or ''}".strip()
        if change.state is ChangeState.LEFT:
            yield "Nothing was put back: decide which value is right."
        return
    over = state is not None and state.is_final()
    waited = "" if over else f" after {seconds:g} s"
    yield (
        f"{change.call} on {change.target} is not put back{waited}: it is still {change.state}."
        f" Run {run_id} {_words(state)}."
    )
    if over:
        yield "The controller starts another run for it. By hand:"
    else:
        yield (
            "A worker takes the run also while Prefect is paused, unless another run holds the"
            " target; whether a worker is there, `cct-ops doctor` shows. By hand:"
        )
    yield from (f"  {command}" for command in manual.overdue(change))


def came_out_well(change: TemporaryChange) -> bool:
    """Say whether what was before is there again."""
    return not change.open and change.state is not ChangeState.LEFT


def _state(run_id: UUID) -> State[Any] | None:
    try:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(run_id).state
    except (httpx.HTTPError, ObjectNotFound):
        return None


def _words(state: State[Any] | None) -> str:
    if state is None:
        return "is not to be had from Prefect"
    if state.is_final():
        return f"ended as {state.name}" + (f": {state.message}" if state.message else "")
    return "waits to be started" if state.is_scheduled() else f"is {str(state.name).lower()}"
