"""A drained stack ends what it began, stores what comes, and goes on with it afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from cct_ops.ledger.gate import drains
from cct_ops.ledger.record import account
from cct_ops.models.cct import Route
from cct_ops.models.run import Outcome
from evaluation.soak.bodies import alert, body
from tests.end_to_end.conftest import Stack
from tests.plain import HTTP
from tests.stack.polling import eventually

pytestmark = pytest.mark.timeout(600)
ALERTS = 5
ROUTE = Route.WEEKLY_ANALYSIS


def test_nothing_is_lost_killed_or_undone_by_a_drain(stack: Stack) -> None:
    """`make drain-drill` counts the same at length, with another release in between."""
    stack.sandbox.reset(limits=False)
    stack.sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    watching = {"CCT_OPS_WATCH_SECONDS": "8"}
    run = stack.start("auto-rollback", watching, target=ROUTE.value, mode="auto")
    eventually(lambda: account.of_run(stack.engine, run).actions, seconds=120)
    before = drains.waiting(stack.engine)
    drains.begin(stack.engine, "a new release", "ada")
    try:
        held = stack.start("auto-rollback", target=ROUTE.value, mode="observe")
        for number in range(ALERTS):
            deliver(stack, number)
        eventually(lambda: stack.state(run).is_final(), seconds=120)

        assert account.of_run(stack.engine, run).outcome is Outcome.RESOLVED
        assert stack.sandbox.state().routes[ROUTE].enabled
        assert stack.state(held).is_scheduled()
        assert drains.waiting(stack.engine) == before + ALERTS
    finally:
        drains.end(stack.engine, "it is there", "ada")
    eventually(lambda: drains.waiting(stack.engine) == 0, seconds=120)
    eventually(lambda: stack.state(held).is_final(), seconds=120)


def deliver(stack: Stack, number: int) -> None:
    """Let an alert come in that no rule has a playbook for."""
    said = alert(number, datetime.now(UTC))
    said["labels"] = {"alertname": f"Drained{uuid4().hex}"}
    key = (stack.data / "keys" / "alertmanager").read_text().strip()
    answer = HTTP.post(
        f"{stack.gateway}/hooks/alertmanager",
        content=body([said], uuid4().hex),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    assert answer.status_code == 202, answer.text
