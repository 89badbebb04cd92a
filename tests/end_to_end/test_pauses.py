"""A pause in Prefect, seen from an alert: nothing is changed, people know, and changes end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun

from cct_ops.ledger.gate import changes, locks
from cct_ops.models.cct import Route
from cct_ops.models.change import ChangeState
from cct_ops.models.plan import Call, Step
from tests.conftest import ROOT
from tests.end_to_end.conftest import Stack
from tests.ledger.history import CALL, TARGET, a_run, permitted, plan
from tests.plain import HTTP
from tests.stack.polling import eventually

pytestmark = pytest.mark.timeout(400)  # a stack on a busy machine

COMMAND = Path(sys.executable).with_name("cct-ops")
ROUTES = (Route.END_OF_DAY_SUMMARY, Route.WEEKLY_ANALYSIS, Route.INTRADAY_CHECK)
POOL = "cct-ops"


@pytest.fixture
def paused(stack: Stack) -> Iterator[Stack]:
    """The stack with its work pool paused."""
    stack.sandbox.reset(limits=False)
    stack.client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
    try:
        yield stack
    finally:
        stack.client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))


def test_while_the_pool_is_paused_alerts_change_nothing_and_changes_end(paused: Stack) -> None:
    stack, known = paused, {run.id for run in by_alert(paused)}
    for route in ROUTES:
        alert(stack, route)

    def new() -> list[FlowRun]:
        return [run for run in by_alert(stack) if run.id not in known]

    eventually(lambda: len(new()) == len(ROUTES) and len(notices(stack, "is paused")) == 1)
    assert "Temporary changes are taken back" in notices(stack, "is paused")[0]

    change = a_change(stack)
    ended = subprocess.run(
        [COMMAND, "changes", "end", str(change)],
        cwd=ROOT,
        env=os.environ | stack.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert changes.read(stack.engine, change).state is ChangeState.NOT_MADE
    assert {run.state and run.state.type.value for run in new()} == {"SCHEDULED"}
    assert stack.sandbox.writes() == []
    assert len(notices(stack, "is paused")) == 1, "not once for each alert"

    stack.client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))
    eventually(lambda: all(run.state and run.state.is_final() for run in new()), seconds=180)
    eventually(lambda: len(notices(stack, "is no longer paused")) == 1)


def by_alert(stack: Stack) -> list[FlowRun]:
    """Return the runs of auto-rollback that alerts have started."""
    return stack.client.read_flow_runs(
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=["auto-rollback"])),
        flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=["source:alertmanager"])),
    )


def alert(stack: Stack, route: Route) -> None:
    """Tell the gateway that a canary was rolled back, as Alertmanager does."""
    one = {
        "status": "firing",
        "labels": {"alertname": "CanaryRolledBack", "route": route.value},
        "annotations": {},
        "startsAt": datetime.now(UTC).isoformat(),
    }
    body = {"version": "4", "status": "firing", "alerts": [one]}
    HTTP.post(
        f"{stack.gateway}/hooks/alertmanager",
        content=json.dumps(body),
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {stack.env['CCT_OPS_ALERTMANAGER_KEY']}",
        },
    ).raise_for_status()


def notices(stack: Stack, words: str) -> list[str]:
    """Return the notices about the pool in these words."""
    said = [str(message.body.get("text", "")) for message in stack.sandbox.slack_messages()]
    return [text for text in said if f"work pool {POOL} {words}" in text]


def a_change(stack: Stack) -> UUID:
    """Write down a temporary change whose run never came to make it."""
    run = a_run()
    permit = permitted(stack.engine, run, plan())
    undo = Call(method="disable_canary", arguments={"route": TARGET})
    step = Step(call=CALL, undo=undo, lasts_minutes=60)
    with stack.engine.begin() as tx:
        made = changes.schedule(tx, permit, step, before="off", owner="anna", reason="a test")
    locks.release(stack.engine, TARGET, permit.fencing_token)
    return made.id
