"""Somebody changes back what a run has just changed: between its read-back and its verification."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import sqlalchemy as sa
from sqlalchemy import event

from cct_ops.sandbox.control import SandboxControl
from tests.flows import faulty
from tests.flows.upkeep import directly

CONFIRMED = "UPDATE actions"


@contextmanager
def once_confirmed(
    meddle: Callable[[SandboxControl], None] | None, sandbox: SandboxControl
) -> Iterator[None]:
    """Meddle once, as soon as the ledger has that a change of this process took effect."""
    left = [] if meddle is None else [meddle]

    def see(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if left and text.startswith(CONFIRMED):
            left.pop()(sandbox)

    event.listen(sa.Engine, "after_cursor_execute", see)
    try:
        yield
    finally:
        event.remove(sa.Engine, "after_cursor_execute", see)
    assert left == []


def canary_on(sandbox: SandboxControl) -> None:
    """Switch the canary on as it was."""
    sandbox.set_canary(faulty.ROUTE, 20)


def stricter_rules(sandbox: SandboxControl) -> None:
    """Set one threshold lower than it is now."""
    directly(sandbox, "canary/config", {"slo_thresholds": {"p95_latency_ms": 4000}})


def auto_rollback_on(sandbox: SandboxControl) -> None:
    """Let CCT pull canaries again."""
    directly(sandbox, "canary/enable-auto-rollback")


def wrong_counts(sandbox: SandboxControl) -> None:
    """Let the exemption report count what is not there."""
    sandbox.exemptions(faulty.OVERDUE, faulty.SOON, faulty.LATER, count_drift=3)


def validation_is_strict(sandbox: SandboxControl) -> None:
    """Let summaries be validated strictly, by the variable that says how."""
    name = "SCHEMA_VALIDATION_MODE"
    httpx.patch(
        f"{sandbox.base_url}/github/repos/example/cct/actions/variables/{name}",
        json={"name": name, "value": "strict"},
        headers={"Authorization": "Bearer token"},
        trust_env=False,
    ).raise_for_status()
