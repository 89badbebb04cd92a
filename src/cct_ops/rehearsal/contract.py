"""What the worker promises, tried on a whole stack: one function for each promise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import sqlalchemy as sa
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.objects import State
from prefect.states import Cancelling
from pydantic import SecretStr

from cct_ops.clients import deployments
from cct_ops.errors import OpsError, SteadyStateNotReached
from cct_ops.ledger.engine import connect
from cct_ops.ledger.gate import drains
from cct_ops.models.run import RECOVER
from cct_ops.rehearsal.result import Rehearsed
from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios import seeds
from cct_ops.scenarios.chaos_experiment import hurt

PATIENCE_SECONDS = 240.0
LOOK_SECONDS = 0.2
LOOKING = {"target": seeds.ROUTE.value, "mode": "observe"}
HURTING = {"chaos": "latency", "severity": "mild", "minutes": 30, "mode": "auto"}

Fact = Callable[[], object]


@dataclass(frozen=True)
class Bench:
    """A stack that is up, its sandbox, and the log of its worker."""

    env: Mapping[str, str]
    sandbox: SandboxControl
    worker_log: Path

    @property
    def ledger(self) -> sa.Engine:
        """The stack's ledger."""
        return connect(SecretStr(self.env["CCT_OPS_DATABASE_URL"]))

    def start(self, playbook: str, **parameters: object) -> UUID:
        """Make a run."""
        return deployments.start(playbook, parameters, key=str(uuid4()))


def promises(bench: Bench) -> Iterator[Rehearsed]:
    """Try each of them; what fails is a result as well."""
    with get_client(sync_client=True) as client:
        for promise in PROMISES:
            bench.sandbox.reset(limits=False)
            began, problem = time.monotonic(), None
            try:
                promise(bench, client)
            except OpsError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is what was looked for
                problem = f"{type(error).__name__}: {error}"[:500]
            yield Rehearsed(
                kind="worker",
                name=(promise.__doc__ or "").partition("\n")[0].rstrip("."),
                problem=problem,
                seconds=time.monotonic() - began,
            )


def _is_fast(bench: Bench, client: SyncPrefectClient) -> None:
    """Runs are forked warm: everything that the fast worker builds on is there."""
    from cct_ops.worker import compatibility

    found = compatibility.find_incompatibilities()
    if found:
        raise SteadyStateNotReached(f"runs would start slowly, as process worker: {found[0]}")
    run = bench.start("auto-rollback", **LOOKING)
    _until(partial(_is_over, client, run), f"run {run} did not end")
    said = bench.worker_log.read_text(errors="replace")
    for words in ("Runs start slowly", "takes the slow path"):
        if words in said:
            line = next(each for each in said.splitlines() if words in each)
            raise SteadyStateNotReached(f"the worker says: {line.strip()}"[:500])


def _holds_for_a_pause(bench: Bench, client: SyncPrefectClient) -> None:
    """A pause in Prefect holds a run, and not what puts things back."""
    deployment = client.read_deployment_by_name("auto-rollback/auto-rollback")
    client.update_deployment(deployment.id, DeploymentUpdate(paused=True))
    try:
        run = _held(bench, client)
    finally:
        client.update_deployment(deployment.id, DeploymentUpdate(paused=False))
    _until(partial(_is_over, client, run), f"run {run} did not go on after the pause")


def _holds_for_a_drain(bench: Bench, client: SyncPrefectClient) -> None:
    """A drain holds a run, and not what puts things back."""
    drains.begin(bench.ledger, "a rehearsal", "rehearsal")
    try:
        run = _held(bench, client)
    finally:
        drains.end(bench.ledger, "a rehearsal", "rehearsal")
    _until(partial(_is_over, client, run), f"run {run} did not go on after the drain")


def _asks(bench: Bench, client: SyncPrefectClient) -> None:
    """A run that needs a yes is suspended, and changes nothing without one."""
    seeds.pulled_canary(bench.sandbox)
    run = bench.start("auto-rollback", target=seeds.ROUTE.value, mode="approve")
    _until(lambda: _state(client, run).is_paused(), f"run {run} was not suspended")
    client.resume_flow_run(run, run_input={"decision": "decline", "name": "Rehearsal"})
    _until(partial(_is_over, client, run), f"run {run} did not end after a no")
    if bench.sandbox.writes():
        raise SteadyStateNotReached("CCT was changed without a yes")


def _ends_when_cancelled(bench: Bench, client: SyncPrefectClient) -> None:
    """A run that is cancelled ends, and takes back what it did."""
    run = _hurting(bench)
    client.set_flow_run_state(run, Cancelling())
    _until(lambda: _state(client, run).is_cancelled(), f"run {run} is not Cancelled")
    _until(lambda: not hurt(bench.sandbox), "what it had done stands")


PROMISES = (_is_fast, _holds_for_a_pause, _holds_for_a_drain, _asks, _ends_when_cancelled)


def _hurting(bench: Bench) -> UUID:
    """Start a run that is in the middle of its change, for long."""
    run = bench.start("chaos-experiment", **HURTING)
    _until(lambda: hurt(bench.sandbox), f"run {run} changed nothing")
    return run


def _held(bench: Bench, client: SyncPrefectClient) -> UUID:
    """Return a run that waits while one that puts things back, made later, comes to its end."""
    run = bench.start("auto-rollback", **LOOKING)
    for _ in range(2):
        upkeep = bench.start(RECOVER, run_id=str(uuid4()))
        _until(partial(_is_over, client, upkeep), "what puts things back did not run")
    if not _state(client, run).is_scheduled():
        raise SteadyStateNotReached(f"run {run} began all the same")
    return run


def _is_over(client: SyncPrefectClient, run: UUID) -> bool:
    return _state(client, run).is_final()


def _state(client: SyncPrefectClient, run: UUID) -> State:
    state = client.read_flow_run(run).state
    if state is None:
        raise SteadyStateNotReached(f"run {run} has no state")
    return state


def _until(fact: Fact, otherwise: str) -> None:
    began = time.monotonic()
    while not fact():
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise SteadyStateNotReached(f"{otherwise}, within {PATIENCE_SECONDS:g} s")
        time.sleep(LOOK_SECONDS)
