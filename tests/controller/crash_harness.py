"""Runs whose process died: how a worker leaves them behind, and the sweeps that find them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.controller.crashed_runs import Reaper
from cct_ops.ledger.gate.permits import Checker
from cct_ops.ledger.gate.tables import run_leases
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.models.plan import Permit, Plan
from cct_ops.models.run import Run, incident_tag
from cct_ops.people.notifier import Notifier
from tests.conftest import ROOT
from tests.controller.running import SCHEMA, Playbook
from tests.ledger import history
from tests.ledger.test_leases import PLAN, RESET
from tests.plain import HTTP

START_SECONDS = 0.3
POLICY = ROOT / "deployments" / "policy.yaml"


def deploy(playbook: Playbook, tag: str) -> str:
    """Deploy with a tag."""
    deployment_id = playbook.deploy(SCHEMA | {"required": []})
    api(playbook, "PATCH", f"/deployments/{deployment_id}", {"tags": [tag]})
    return str(deployment_id)


def api(playbook: Playbook, method: str, path: str, content: object) -> Any:
    """Ask Prefect."""
    answer = HTTP.request(method, f"{playbook.api_url}{path}", json=content).raise_for_status()
    return answer.json() if answer.content else None


def left(playbook: Playbook, deployment: str, *states: str, incident: UUID | None = None) -> UUID:
    """Leave a run in the last of these states, types with a name or without, as a dead worker."""
    tags = ["rule:a", *([incident_tag(incident)] if incident else [])]
    run = api(
        playbook,
        "POST",
        f"/deployments/{deployment}/create_flow_run",
        {"parameters": {"target": "/daily-summary"}, "tags": tags},
    )
    for state in states:
        kind, _, name = state.partition(" ")
        new_state = {"state": {"type": kind} | ({"name": name} if name else {}), "force": True}
        api(playbook, "POST", f"/flow_runs/{run['id']}/set_state", new_state)
    return UUID(run["id"])


def dispatched(engine: sa.Engine, run_id: UUID, incident: UUID) -> None:
    """Note that the incident's run is this one."""
    with engine.begin() as tx:
        tx.execute(
            sa.update(dispatches)
            .where(dispatches.c.incident_id == incident)
            .values(flow_run_id=run_id, state="sent")
        )


def sweep(
    engine: sa.Engine, *, slack: str | None = None, pause: float = 0, policy: Path = POLICY
) -> None:
    """Sweep twice with two reapers at once, when a start has taken too long."""
    notifier = Notifier(engine, SecretStr(slack) if slack else None)
    reaper = Reaper(engine, notifier, policy, START_SECONDS, pause)
    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(copy_context().run, reaper) for _ in range(4)]:
            each.result()


def states(playbook: Playbook) -> list[str]:
    """The states of all runs, sorted."""
    return sorted(str(run["state_name"]) for run in playbook.runs())


def wait_and_sweep(engine: sa.Engine, **options: Any) -> None:
    """Let a start take too long, and sweep."""
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_sleep(START_SECONDS)))
    sweep(engine, **options)


def outbox_run(engine: sa.Engine, incident: UUID) -> UUID | None:
    """The run that works on the incident."""
    with engine.connect() as connection:
        run_id: UUID | None = connection.execute(
            sa.select(dispatches.c.flow_run_id).where(
                dispatches.c.incident_id == incident, dispatches.c.purpose == outbox.REMEDIATE
            )
        ).scalar_one()
    return run_id


def begin(engine: sa.Engine, run_id: UUID) -> None:
    """Let the run begin its change and die."""
    with Checker(engine, run_id).check(permitted(engine, run_id), RESET):
        pass
    die(engine)


def die(engine: sa.Engine) -> None:
    """Let nobody renew any lease."""
    with engine.begin() as tx:
        tx.execute(sa.update(run_leases).values(expires_at=sa.func.clock_timestamp()))


def permitted(engine: sa.Engine, run_id: UUID, plan: Plan = PLAN) -> Permit:
    """Let the run get its permit."""
    run = Run(id=run_id, name="a run", playbook=plan.playbook)
    return history.permitted(engine, run, plan)
