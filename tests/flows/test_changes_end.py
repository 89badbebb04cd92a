"""`cct-ops changes end` says what the ledger shows, and fails where nothing was put back."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.states import Crashed

from cct_ops.cli import app
from cct_ops.ledger.gate import changes
from cct_ops.models.change import ChangeState, TemporaryChange
from cct_ops.sandbox.control import SandboxControl
from flows.revert_change import revert_change
from tests.flows.upkeep import LOOSER, weakened
from tests.stack.polling import eventually

pytestmark = pytest.mark.usefixtures("upkeep")


@contextmanager
def a_worker(engine: sa.Engine, change: TemporaryChange, dies: str | None = None) -> Iterator[None]:
    """Let somebody take the run that the command makes."""

    def work() -> None:
        eventually(
            lambda: changes.read(engine, change.id).scheduled_reverts > change.scheduled_reverts
        )
        if dies is None:
            revert_change(change.id, now=True, return_state=True)
            return
        scheduled_revert = changes.read(engine, change.id).scheduled_revert_id
        assert scheduled_revert is not None
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(scheduled_revert, Crashed(message=dies), force=True)

    # Prefect's settings of this test hold in the thread only with its context.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    try:
        yield
    finally:
        thread.join()


def end(change: TemporaryChange, seconds: float) -> object:
    """Type the command; returns its exit code."""
    return app(["changes", "end", str(change.id), "--wait", str(seconds)], exit_on_error=False)


def test_it_waits_until_the_change_is_read_back(
    sandbox: SandboxControl, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sandbox.state().slo_thresholds
    change = weakened(engine, LOOSER)
    with a_worker(engine, change):
        code = end(change, 60)

    assert code == 0
    assert sandbox.state().slo_thresholds == before
    assert f"{change.call} on {change.target} is reverted." in capsys.readouterr().out

    assert end(change, 60) == 0
    assert "has ended before: it is reverted." in capsys.readouterr().out


def test_where_nobody_takes_the_run_it_says_so_and_fails(
    sandbox: SandboxControl, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    change = weakened(engine, LOOSER)

    assert end(change, 0) == 1

    said = capsys.readouterr()
    assert "puts it back" not in said.out + said.err
    assert "is not put back after 0 s: it is still active." in said.err
    assert "waits to be started" in said.err
    assert "cct-ops doctor" in said.err
    assert "/api/v1/canary/config" in said.err, "what a person does by hand"
    assert len(sandbox.writes()) == 1


def test_what_somebody_else_has_set_since_is_left_and_reported(
    sandbox: SandboxControl, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    change = weakened(engine, LOOSER)
    sandbox.by_hand("canary/config", {"slo_thresholds": {"p95_latency_ms": 7000}})
    with a_worker(engine, change):
        code = end(change, 60)

    assert code == 1
    assert changes.read(engine, change.id).state is ChangeState.LEFT
    assert "Nothing was put back: decide which value is right." in capsys.readouterr().err


def test_a_run_that_did_not_do_it_is_reported_with_its_reason(
    sandbox: SandboxControl, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    change = weakened(engine, LOOSER)
    with a_worker(engine, change, dies="Its process died."):
        assert end(change, 60) == 1

    said = capsys.readouterr().err
    assert "is not put back: it is still active." in said
    assert "ended as Crashed: Its process died." in said
    assert "The controller starts another run for it." in said
