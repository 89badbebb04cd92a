"""Many incidents at once against CCT's real limiter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate.tables import permits
from cct_ops.models.cct import Route
from cct_ops.models.plan import PermitKind
from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from flows.auto_rollback import auto_rollback
from tasks.connections import settings

ROUTES = list(Route)
INCIDENTS = 10


@pytest.mark.timeout(420)
def test_ten_incidents_at_once_cause_no_429_and_no_false_undo(
    sandbox: SandboxControl, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    All runs share one budget of CCT's 30 requests in a minute, and one answer to one question.

    Ten incidents on six routes, as two senders report the same canary in two ways. It takes as
    many minutes as the budget says, and nearly all of that is waiting.
    """
    sandbox.reset(dialect="runbook", limits=True)
    monkeypatch.setenv("CCT_OPS_REQUESTS_PER_MINUTE", "30")
    monkeypatch.setenv("CCT_OPS_SETTLE_SECONDS", "120")
    monkeypatch.setenv("CCT_OPS_LOCK_WAIT_SECONDS", "300")
    settings.cache_clear()
    for route in ROUTES:
        sandbox.roll_back(route, "p95_latency_ms", observed=9000, threshold=5000, minutes_ago=10)

    def handle(number: int) -> str:
        state = auto_rollback(ROUTES[number % len(ROUTES)], mode=Mode.AUTO, return_state=True)
        return str(state.name)

    # Prefect's settings live in the context, which a thread does not inherit.
    with ThreadPoolExecutor(INCIDENTS) as pool:
        runs = [pool.submit(copy_context().run, handle, number) for number in range(INCIDENTS)]
    ended = sorted(run.result() for run in runs)

    assert ended == ["Nothing to do"] * (INCIDENTS - len(ROUTES)) + ["Resolved"] * len(ROUTES)
    assert [request.status for request in sandbox.requests() if request.status == 429] == []
    assert len(sandbox.writes()) == len(ROUTES)
    with engine.connect() as connection:
        undone = sa.select(permits.c.id).where(permits.c.kind == PermitKind.RESTORE)
        assert connection.execute(undone).all() == []
