"""
A person takes a run over wherever it is, and what it did ends long before it would have.

Each run works in a child process, and hears of it by the ledger alone.
"""

from __future__ import annotations

import os
import signal
import time
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.errors import NotPermitted
from cct_ops.ledger.gate import locks, switches
from cct_ops.ledger.gate.pacing import LedgerPacer
from cct_ops.ledger.record import account
from cct_ops.models.account import EntryKind
from cct_ops.models.run import Outcome
from cct_ops.models.takeover import Choice, Phase
from cct_ops.record import account as accounts
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.flows.crash_harness import CrashHarness
from tests.flows.taking_over import (
    DISABLE,
    LONG,
    RESET,
    asked_cct,
    begun,
    stopped,
    take_over,
    writes,
)
from tests.flows.test_recover import NEVER, dead_run, env, nothing_is_held
from tests.flows.upkeep import ROUTE
from tests.stack.polling import eventually

__all__ = ["env"]  # a fixture

pytestmark = pytest.mark.usefixtures("upkeep")


@pytest.mark.parametrize(
    ("choice", "outcome", "sent"),
    [(Choice.UNDO, Outcome.UNDONE, [RESET, DISABLE]), (Choice.KEEP, Outcome.UNVERIFIED, [RESET])],
)
def test_taken_over_while_it_watches_it_ends_at_once(
    sandbox: SandboxControl,
    engine: sa.Engine,
    harness: CrashHarness,
    env: dict[str, str],
    choice: Choice,
    outcome: Outcome,
    sent: list[str],
) -> None:
    """What it changed is taken back and looked at, or stays; automation leaves the target alone."""
    harness.start(env | LONG, NEVER)
    run_id = begun(engine, Phase.WATCHING)

    take_over(engine, run_id, choice)

    assert harness.end() == "exited"
    stopped(engine, run_id, f"watching, {choice}")
    known = account.of_run(engine, run_id)
    assert known.outcome is outcome
    assert known.verifications == ()
    assert (known.reason or "").startswith(f"Ada took it over ({choice}): the release is broken.")
    assert writes(sandbox) == sent
    assert sandbox.state().routes[ROUTE].enabled == (choice is Choice.KEEP)
    assert nothing_is_held(engine)
    assert switches.held(engine) == [ROUTE]


def test_that_it_only_watches_on_is_all_that_it_does(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    """It sees that its change does not hold, takes nothing back, and says how it came out."""
    harness.start(env | LONG, NEVER)
    run_id = begun(engine, Phase.WATCHING)

    take_over(engine, run_id, Choice.WATCH)
    stopped(engine, run_id, "watching, keep watching only")
    sandbox.profile(ROUTE, canary={"p95_latency_ms": 9000})

    assert harness.end() == "exited"
    known = account.of_run(engine, run_id)
    assert known.outcome is Outcome.UNVERIFIED
    assert "Ada took it over (keep watching only)" in (known.reason or "")
    assert [each.verdict for each in known.verifications] == ["broken"]
    assert writes(sandbox) == [RESET]
    assert nothing_is_held(engine)


def test_what_holds_to_the_end_of_the_watch_is_resolved(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    harness.start(env | {"CCT_OPS_WATCH_SECONDS": "6"}, NEVER)
    run_id = begun(engine, Phase.WATCHING)

    take_over(engine, run_id, Choice.WATCH)

    assert harness.end() == "exited"
    known = account.of_run(engine, run_id)
    assert known.outcome is Outcome.RESOLVED
    assert (known.reason or "").startswith("Ada took it over (keep watching only)")


def test_whoever_let_it_watch_on_can_still_stop_it(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    """But nobody can set it going again."""
    harness.start(env | LONG, NEVER)
    run_id = begun(engine, Phase.WATCHING)
    take_over(engine, run_id, Choice.WATCH)
    stopped(engine, run_id, "watching, keep watching only")

    take_over(engine, run_id, Choice.UNDO)
    with pytest.raises(NotPermitted, match="Ada has taken this run over already"):
        take_over(engine, run_id, Choice.WATCH)

    assert harness.end() == "exited"
    assert account.of_run(engine, run_id).outcome is Outcome.UNDONE
    assert writes(sandbox) == [RESET, DISABLE]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(timeout=True),  # each request hangs for a minute
        Fault(error_status=503),  # Prefect pauses 1, 4 and 16 s before a probe tries again
    ],
    ids=["no answer", "retries"],
)
def test_taken_over_while_it_looks_it_has_changed_nothing(
    sandbox: SandboxControl,
    engine: sa.Engine,
    harness: CrashHarness,
    env: dict[str, str],
    fault: Fault,
) -> None:
    sandbox.faults(fault)
    harness.start(env | LONG | {"CCT_OPS_REQUEST_TIMEOUT_SECONDS": "60"}, NEVER)
    eventually(lambda: asked_cct(engine), seconds=60)
    run_id = begun(engine, Phase.LOOKING)
    if fault.error_status:
        eventually(lambda: tries(sandbox) == 3, seconds=60)
    time.sleep(0.5)  # it hangs, or is in its longest pause

    take_over(engine, run_id, Choice.UNDO)

    began = time.monotonic()
    assert harness.end() == "exited"
    took = stopped(engine, run_id, f"looking, {fault.error_status or 'no answer'}")
    assert time.monotonic() - began < 12
    assert took < 8
    known = account.of_run(engine, run_id)
    assert known.outcome is Outcome.CANCELLED
    assert "Nothing had been changed." in (known.reason or "")
    assert writes(sandbox) == []


def tries(sandbox: SandboxControl) -> int:
    """How often the canary was asked for."""
    return sum(each.path == "/api/v1/canary/status" for each in sandbox.requests())


def test_taken_over_while_cct_wants_silence(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    """For all requests of everybody, for a minute."""
    LedgerPacer(engine, env["CCT_URL"], 600, 10).back_off(50)
    harness.start(env | LONG, NEVER)
    run_id = begun(engine, Phase.LOOKING)
    time.sleep(0.5)

    take_over(engine, run_id, Choice.KEEP)

    assert harness.end() == "exited"
    assert stopped(engine, run_id, "waiting for CCT's silence") < 20
    assert account.of_run(engine, run_id).outcome is Outcome.CANCELLED


@pytest.mark.parametrize(
    ("choice", "outcome"), [(Choice.UNDO, Outcome.CANCELLED), (Choice.WATCH, Outcome.RECOMMENDED)]
)
def test_taken_over_while_it_waits_for_the_lock(
    sandbox: SandboxControl,
    engine: sa.Engine,
    harness: CrashHarness,
    env: dict[str, str],
    choice: Choice,
    outcome: Outcome,
) -> None:
    """Another run has the target for ten minutes."""
    other = uuid4()
    assert locks.acquire(engine, ROUTE, other, 600) is not None
    harness.start(env | LONG, NEVER)
    run_id = begun(engine, Phase.LOOKING)
    eventually(lambda: account.of_run(engine, run_id).looked_at, seconds=60)
    time.sleep(1)

    take_over(engine, run_id, choice)

    assert harness.end() == "exited"
    assert stopped(engine, run_id, f"waiting for the lock, {choice}") < 20
    known = account.of_run(engine, run_id)
    assert known.outcome is outcome
    assert writes(sandbox) == []
    assert locks.holder(engine, ROUTE) is not None


@pytest.mark.parametrize(
    ("choice", "outcome", "sent"),
    [(Choice.UNDO, Outcome.UNDONE, [RESET, DISABLE]), (Choice.KEEP, Outcome.UNVERIFIED, [RESET])],
)
def test_a_write_on_its_way_is_finished_first(
    sandbox: SandboxControl,
    engine: sa.Engine,
    harness: CrashHarness,
    env: dict[str, str],
    choice: Choice,
    outcome: Outcome,
    sent: list[str],
) -> None:
    """CCT makes the change and never answers: a look says that it was made."""
    sandbox.faults(Fault(apply_then_hang=True, count=1))
    harness.start(env | LONG | {"CCT_OPS_REQUEST_TIMEOUT_SECONDS": "3"}, NEVER)
    eventually(lambda: len(sandbox.writes()) == 1, seconds=60)
    run_id = begun(engine, Phase.CHANGING)

    take_over(engine, run_id, choice)

    assert harness.end() == "exited"
    stopped(engine, run_id, f"a write without an answer (3 s), {choice}")
    known = account.of_run(engine, run_id)
    assert known.outcome is outcome
    assert writes(sandbox) == sent
    assert not known.in_doubt
    assert nothing_is_held(engine)


def test_one_that_is_done_with_its_watch_is_undone_all_the_same(
    sandbox: SandboxControl, engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    """The word comes after the last look and before it lets go: it would end as a fix."""
    pid = harness.start(env, "INSERT INTO verifications", sign=signal.SIGSTOP)
    assert harness.end() == "stopped"
    run_id = dead_run(engine)
    take_over(engine, run_id, Choice.UNDO)
    os.kill(pid, signal.SIGCONT)

    assert harness.end() == "exited"
    known = account.of_run(engine, run_id)
    assert known.outcome is Outcome.UNDONE
    assert writes(sandbox) == [RESET, DISABLE]


def test_the_account_names_the_person_the_choice_and_the_reason(
    engine: sa.Engine, harness: CrashHarness, env: dict[str, str]
) -> None:
    harness.start(env | LONG, NEVER)
    run_id = begun(engine, Phase.WATCHING)
    take_over(engine, run_id, Choice.KEEP)
    assert harness.end() == "exited"

    found = accounts.read(engine, run_id)
    assert found is not None
    said, done = (each for each in found.entries if each.kind is EntryKind.TAKEOVER)
    assert said.text == "Ada took the run over (stop and keep): the release is broken"
    assert said.actor.proof == "signed in on the board"
    assert done.text.startswith("the run had stopped, ")
