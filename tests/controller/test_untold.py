"""Who was asked for a yes hears how it ended, also where Slack was away when it did."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.controller import untold
from cct_ops.ledger.gate.tables import run_leases
from cct_ops.ledger.people import owed_ends
from cct_ops.ledger.record import account
from cct_ops.models.run import Outcome
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.approvals.parts import ROUTE, asked, new_run

Sweep = Callable[[], int]
WHY = "It serves again."


@pytest.fixture
def sweep(engine: sa.Engine, sandbox: SandboxControl) -> Sweep:
    """Look as the controller does, without patience."""
    notifier = Notifier(engine, SecretStr(f"{sandbox.base_url}/slack/incidents"))
    return partial(untold.sweep, engine, notifier, grace_seconds=0)


def ends(engine: sa.Engine, run_id: UUID, why: str = WHY, *, said: bool = False) -> None:
    """Let a run have an account."""
    run = new_run(run_id)
    account.record_outcome(engine, run, ROUTE, Outcome.RESOLVED, why, said=said)


def heads(sandbox: SandboxControl) -> list[str]:
    """Return what people read first."""
    return [str(message.body["text"]) for message in sandbox.slack_messages()]


def test_an_end_that_slack_did_not_take_is_said_later_and_once(
    engine: sa.Engine, sandbox: SandboxControl, sweep: Sweep
) -> None:
    ends(engine, asked(engine).run_id)
    sandbox.faults(Fault(path="/slack/", error_status=500))
    assert sweep() == 0

    sandbox.clear_faults()
    sweep()
    sweep()

    assert heads(sandbox) == [f":white_check_mark: Resolved: auto-rollback on {ROUTE}"]
    (message,) = sandbox.slack_messages()
    assert WHY in str(message.body)
    assert owed_ends.listed(engine) == []


def test_what_was_said_and_what_nobody_was_asked_about_is_left_alone(
    engine: sa.Engine, sandbox: SandboxControl, sweep: Sweep
) -> None:
    ends(engine, asked(engine).run_id, said=True)
    ends(engine, uuid4())
    ends(engine, (again := asked(engine).run_id))
    ends(engine, again, "A person looked at it.", said=True)
    asked(engine)  # it waits still

    sweep()

    assert heads(sandbox) == []
    assert owed_ends.listed(engine) == []


def test_whoever_speaks_after_writing_is_given_time(
    engine: sa.Engine, sandbox: SandboxControl, sweep: Sweep
) -> None:
    """The sweep that closes a request writes its end down and sends the word then."""
    ends(engine, asked(engine).run_id)

    assert owed_ends.listed(engine, untold.GRACE_SECONDS) == []
    assert len(owed_ends.listed(engine)) == 1


def test_of_a_run_that_died_the_end_of_its_follower_is_said(
    engine: sa.Engine, sandbox: SandboxControl, sweep: Sweep
) -> None:
    """Not that it died, nor that its follower did, and not again where that said so itself."""
    spoke, silent = uuid4(), uuid4()
    for line in ((spoke,), (silent,), (died_too := uuid4(), silent_too := uuid4())):
        ends(engine, (dead := asked(engine).run_id))
        for follower in line:
            lease = {"run_id": dead, "expires_at": sa.func.now(), "successor_id": follower}
            with engine.begin() as tx:
                tx.execute(sa.insert(run_leases).values(lease))
            dead = follower
    ends(engine, died_too)
    sweep()
    assert heads(sandbox) == []

    ends(engine, spoke, said=True)
    ends(engine, silent, "The follower saw to it.")
    ends(engine, silent_too, "The third one saw to it.")
    sweep()
    sweep()

    first, second = (str(message.body) for message in sandbox.slack_messages())
    assert "The follower saw to it." in first
    assert "The third one saw to it." in second
    assert owed_ends.listed(engine) == []


def test_without_a_slack_nothing_is_owed(engine: sa.Engine) -> None:
    ends(engine, asked(engine).run_id)

    untold.sweep(engine, Notifier(engine), grace_seconds=0)

    assert owed_ends.listed(engine) == []
