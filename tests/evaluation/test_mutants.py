"""
Each breakage of the gate shows in the simulated week, which judges the world and not the gate.

In short the week is only as long as the situation that was set up for it takes; with MUTANTS=all it
is a whole one, as `make simulate` plays it.
"""

from __future__ import annotations

import inspect
import os
import sys
import textwrap
from types import FunctionType, ModuleType
from typing import NamedTuple

import pytest
from rich.console import Console

from cct_ops.gate import (
    apply_and_confirm,
    approval,
    gate,
    guards as gate_guards,
    recovery,
    temporary,
)
from cct_ops.ledger.gate import approvals, guards, leases, locks, permits
from cct_ops.models import guards as judging
from cct_ops.stack.postgres import EmbeddedPostgres
from evaluation.simulation.table import broken_promises, show
from evaluation.simulation.week import simulate
from tests.conftest import ROOT

POLICY = ROOT / "deployments" / "policy.yaml"
WHOLE = os.environ.get("MUTANTS") == "all"
MINUTES_OF_A_DAY = 24 * 60

Place = ModuleType | type
Edit = tuple[str, str]


class Mutant(NamedTuple):
    """A breakage: which texts stand in which function instead, and what it breaks by when."""

    name: str
    function: str
    edits: dict[Place, tuple[Edit, ...]]
    breaks: str
    by_minute: float


def in_one(
    name: str, place: Place, function: str, *edits: Edit, breaks: str, by_minute: float
) -> Mutant:
    """A breakage of one function."""
    return Mutant(name, function, {place: edits}, breaks, by_minute)


LOOK = "self.changed_since(again()) or self.already()"
WAIT = "token = wait_for_lock(executor, target, self._seconds())"
ISSUE = "decision = self.permit(token)"
SKIPPED = {
    "kill switch": ("_kill_switch(facts)", 20),
    "hold": ("_hold(facts)", 36),
    "maintenance window": ("_maintenance(intent, facts, rules)", 36),
    "silence": ("_silence(facts, rules)", 36),
    "allow-list": ("_allow_list(intent, rules)", 36),
    "storm": ("_storm(intent, facts, rules.settings)", 72),
}

MUTANTS = [
    in_one(
        "no fresh look under the lock",
        gate._Passage,
        "under_lock",
        (LOOK, "self.already()"),
        breaks="changes nobody needed any more",
        by_minute=10,
    ),
    in_one(
        "a fresh look that is not compared with the plan",
        gate._Passage,
        "changed_since",
        ("fresh.plan.digest != self.plan.digest", "False"),
        breaks="changes nobody needed any more",
        by_minute=95,
    ),
    in_one(
        "the permit before the lock",
        gate._Passage,
        "under_lock",
        (WAIT, f"decision = self.permit(0); {WAIT}"),
        (ISSUE, "pass"),
        breaks="writes refused in mid-change",
        by_minute=3,
    ),
    in_one(
        "a lock that keeps nobody out",
        locks,
        "acquire",
        ("(target_locks.c.expires_at <= now()) | ", "sa.true() | "),
        breaks="concurrent changes on one target",
        by_minute=20,
    ),
    in_one(
        "a dead run that opens the locks of others",
        locks,
        "acquire",
        ("run_leases.run_id = target_locks.run_id and ", ""),
        breaks="concurrent changes on one target",
        by_minute=95,
    ),
    *(
        in_one(
            f"a guard skipped: {name}",
            guards,
            "judge",
            (f"yield {call}", "pass"),
            breaks="changes against orders",
            by_minute=by_minute,
        )
        for name, (call, by_minute) in SKIPPED.items()
    ),
    in_one(
        "a guard skipped: cool-down",
        guards,
        "judge",
        ("yield _cool_down(intent, facts, rules.settings)", "pass"),
        breaks="changes too soon after another",
        by_minute=64,
    ),
    in_one(
        "the kill switch read once",
        gate,
        "issue",
        ("stop = guards.first_stop(tx, *wanted)", "stop = None"),
        breaks="changes against orders",
        by_minute=20,
    ),
    in_one(
        "the budget off by one",
        judging,
        "_budget",
        ("> settings.actions_per_hour", "> settings.actions_per_hour + 1"),
        breaks="changes beyond the budget",
        by_minute=155,
    ),
    in_one(
        "needs_person ignored",
        gate._Passage,
        "refusal",
        (
            "self.mode is not Mode.AUTO or self.plan.person is not None",
            "self.mode is not Mode.AUTO",
        ),
        breaks="changes without their own yes",
        by_minute=27,
    ),
    in_one(
        "the mode raised",
        gate_guards,
        "allowed_mode",
        ("effective = lowest(mode, ceiling)", "effective = mode"),
        ("if earned.mode.rank < effective.rank", "if False"),
        breaks="changes against orders",
        by_minute=37,
    ),
    Mutant(
        "an approval used twice",
        "_ending use",
        {
            approval: (
                ("case ApprovalState.APPROVED if approval.used_at is not None", "case None"),
            ),
            approvals: (("approvals.c.used_at.is_(None),", ""),),
        },
        breaks="changes without their own yes",
        by_minute=40,
    ),
    in_one(
        "the lease not checked",
        leases,
        "reap",
        ("(run_leases.c.expires_at <= latest) | run_leases.c.reaped_at.is_not(None)", "sa.true()"),
        breaks="concurrent changes on one target",
        by_minute=35,
    ),
    in_one(
        "a run that was taken for dead goes on",
        permits.Checker,
        "_position",
        ("if row.closed_at is not None", "if False"),
        ("if not row.live", "if False"),
        ("if not (row.fenced and row.locked)", "if False"),
        breaks="actions without permit",
        by_minute=70,
    ),
    in_one(
        "the expiry ignored",
        permits.Checker,
        "_position",
        ('(permits.c.expires_at > now()).label("live")', 'sa.true().label("live")'),
        ('(target_locks.c.expires_at > now()).label("locked")', 'sa.true().label("locked")'),
        breaks="actions without permit",
        by_minute=50,
    ),
    in_one(
        "an answer believed without a look",
        apply_and_confirm.Executor,
        "_apply",
        (
            "seen = read_back(look, self.clock, 0.0 if halfway else settle)",
            "seen = Seen(True, True, '')",
        ),
        breaks="repairs claimed, not made",
        by_minute=55,
    ),
    in_one(
        "the undo not reversed",
        gate,
        "put_back",
        ("for step in reversed(left.made)", "for step in left.made"),
        breaks="undone in the wrong order",
        by_minute=20,
    ),
    in_one(
        "a temporary change without its end",
        gate._Passage,
        "under_lock",
        ("temporary.schedule(change, self.gate.schedule_revert)", "pass"),
        breaks="overdue temporary changes",
        by_minute=140,
    ),
    in_one(
        "a restore without a compare",
        temporary,
        "end_change",
        ("compare(before))", "compare(before).model_copy(update={'as_set': True}))"),
        breaks="values of people overwritten",
        by_minute=110,
    ),
    in_one(
        "a recovery that takes nothing back",
        recovery,
        "take_back",
        ("if diagnosis.plan is None", "if True"),
        breaks="changes left half done",
        by_minute=186,
    ),
]


def broken_by(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the functions read as the mutant wants it."""
    for function, (place, edits) in zip(mutant.function.split(), mutant.edits.items(), strict=True):
        whole = inspect.unwrap(getattr(place, function))
        assert isinstance(whole, FunctionType)
        source = textwrap.dedent(inspect.getsource(whole))
        for old, new in edits:
            assert source.count(old) == 1, f"{mutant.name}: {function} has no {old} any more"
            source = source.replace(old, new)
        made: dict[str, object] = {}
        text = f"from __future__ import annotations\n{source}"
        exec(text, vars(sys.modules[whole.__module__]), made)  # noqa: S102 -- our own text, broken
        monkeypatch.setattr(place, function, made[function])


def played(postgres: EmbeddedPostgres, minutes: float) -> tuple[int, list[str]]:
    """The verdict of the simulation, and the promises that were broken."""
    if WHOLE:
        week = simulate(postgres, POLICY, days=7, seed=1)
    else:
        days = minutes / MINUTES_OF_A_DAY
        week = simulate(postgres, POLICY, days=days, seed=1, by_chance=False)
    return show(week, Console(quiet=True), seconds=0), broken_promises(week)


def test_of_the_gate_as_it_is_nothing_is_broken(postgres: EmbeddedPostgres) -> None:
    assert played(postgres, 187) == (0, [])


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: str(mutant.name))
def test_the_simulation_alone_catches(
    mutant: Mutant, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_by(mutant, monkeypatch)

    verdict, broken = played(postgres, mutant.by_minute)

    assert verdict == 1
    assert mutant.breaks in broken
