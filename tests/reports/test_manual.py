"""Every command that people are shown exists, means what it says, and reaches no shell unquoted."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from cct_ops.actions.registry import by_hand
from cct_ops.cli import app as cct_ops
from cct_ops.clients import parameters
from cct_ops.diagnoses.rollback_plan import AS_THEY_ARE, Limits
from cct_ops.ledger.record.account import UNDO_FAILED, ActionRecord, DecisionRecord, RunRecord
from cct_ops.models.guards import Guard
from cct_ops.models.plan import Call, Plan
from cct_ops.models.run import Mode, Outcome, Run, Severity
from cct_ops.models.topic import is_urgent
from cct_ops.reports import manual
from cct_ops.reports.messages import expired_message, raise_message
from tests.approvals.parts import ROUTE, plan
from tests.diagnoses.test_reversion import change

HOSTILE = '/a b\'; rm -rf "$HOME" `id` $(id) \\'
RUN = Run(id=uuid4(), name="a-run", playbook="auto-rollback", incident_id=uuid4())
ALONE = RUN.model_copy(update={"incident_id": None})
RESET = Call(method="reset_canary", arguments={"route": ROUTE})
DISABLE = Call(method="disable_canary", arguments={"route": ROUTE})


def understood(command: str) -> dict[str, Any]:
    """Let the command's own parser read it; returns what its function would be given."""
    words = shlex.split(command)
    assert words[0] == "cct-ops"
    _, bound, _ = cct_ops.parse_args(words[1:], exit_on_error=False, print_error=False)
    return dict(bound.arguments)


def of_type(*kinds: str) -> dict[str, Any]:
    """The schema of a playbook whose target is of these types."""
    target = {"anyOf": [{"type": kind} for kind in kinds]}
    options = {"target": target, "mode": {"type": "string"}, "limits": {"type": "object"}}
    return {"properties": options}


def known(verdict: str = "permitted", guard: str | None = None, **kinds: Call) -> RunRecord:
    """A run whose plan was decided about, and what it did."""
    now = datetime.now(UTC)
    decided = DecisionRecord(
        mode=Mode.AUTO,
        verdict=verdict,
        guard=guard,
        reason="A reason.",
        headline="A headline.",
        severity=Severity.P1,
        evidence=(),
        plan=plan(),
        decided_at=now,
    )
    acts = tuple(
        ActionRecord(kind=kind, call=call, state="confirmed", intended_at=now, confirmed_at=now)
        for kind, call in kinds.items()
    )
    return RunRecord(
        received_at=None,
        dispatched_at=None,
        decisions=(decided,),
        permitted_at=now,
        actions=acts,
        verifications=(),
        outcome=None,
        reason=None,
    )


def after(outcome: Outcome, record: RunRecord, run: Run = RUN) -> tuple[str, ...]:
    """What is due after a run on a target that somebody named badly."""
    return manual.after(outcome, run, HOSTILE, record, {"target": HOSTILE, "mode": "auto"})


@pytest.mark.parametrize("guard", list(Guard))
def test_what_a_guard_stopped_comes_with_what_lifts_or_shows_the_guard(guard: Guard) -> None:
    command, again, why = after(Outcome.BLOCKED, known("blocked", guard.value))

    given = understood(command)
    match guard:
        case Guard.KILL_SWITCH:
            assert command == "cct-ops resume"
        case Guard.HOLD:
            assert (shlex.split(command)[1], given) == ("release", {"target": HOSTILE})
        case _:
            incident = str(RUN.incident_id)
            assert given == {"playbook": "auto-rollback", "target": HOSTILE, "incident": incident}
    assert shlex.split(again)[:3] == ["cct-ops", "run", "auto-rollback"]
    assert understood(why) == {"wanted": str(RUN.incident_id)}


def test_the_story_of_a_run_without_an_incident_is_found_by_its_own_id() -> None:
    assert understood(after(Outcome.FAILED, known(), ALONE)[-1]) == {"wanted": str(ALONE.id)}


@pytest.mark.parametrize(
    "given",
    [HOSTILE, "true", "007", "", "-x", "a=b", "é\n", '"', 3, 2.5, False, ["a"], uuid4(), ROUTE],
)
def test_a_playbook_is_started_anew_with_just_these_parameters(given: Any) -> None:
    """A word that looks like another type stays a word where the playbook takes words."""
    command = manual.start_again("rate-limiting", {"target": given, "mode": "auto", "user": None})

    bound = understood(command)
    assert bound["playbook"] == "rate-limiting"
    wanted = str(given) if isinstance(given, UUID) else given
    kinds = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array"}
    schema = of_type(kinds[type(wanted)], "null")
    assert parameters.read("rate-limiting", schema, bound["parameters"]) == {
        "target": wanted,
        "mode": "approve",
    }


@pytest.mark.parametrize("limits", [AS_THEY_ARE, {}, {"p95_latency_ms": 9000}])
def test_parameters_that_are_objects_stay_what_they_are(limits: Any) -> None:
    command = manual.start_again("auto-rollback", {"limits": limits})

    read = parameters.read("auto-rollback", of_type(), understood(command).get("parameters", {}))
    wanted = Limits.model_validate(limits if isinstance(limits, dict) else limits.model_dump())
    assert Limits.model_validate(read.get("limits", {})) == wanted


def test_what_was_left_empty_is_not_typed() -> None:
    given = {"limits": AS_THEY_ARE, "user": None, "target": "/daily-summary"}

    assert manual.start_again("auto-rollback", given) == (
        "cct-ops run auto-rollback --target /daily-summary"
    )


def test_what_could_not_be_undone_comes_with_what_takes_it_back() -> None:
    """And not with what was put back already."""
    failed = known(UNDO_FAILED, change=RESET)

    assert after(Outcome.FAILED, failed)[0] == by_hand(DISABLE)
    assert after(Outcome.UNVERIFIED, known(change=RESET))[0] == by_hand(DISABLE)
    put_back = known(UNDO_FAILED, change=RESET, restore=DISABLE)
    assert by_hand(DISABLE) not in after(Outcome.FAILED, put_back)


def test_what_was_recommended_comes_with_its_steps() -> None:
    first, again, _ = after(Outcome.RECOMMENDED, known("Recommended"))

    assert first == by_hand(RESET)
    assert ("--mode", "approve") in pairwise(shlex.split(again))


@pytest.mark.parametrize("outcome", [each for each in Outcome if each.needs_attention])
def test_whatever_needs_attention_comes_with_commands(outcome: Outcome) -> None:
    commands = after(outcome, known(change=RESET))

    assert len(commands) > 1
    for command in commands:
        assert command.startswith("curl ") or understood(command)


@pytest.mark.parametrize("outcome", [Outcome.RESOLVED, Outcome.NOTHING_TO_DO, Outcome.MERGED])
def test_where_nothing_is_due_nothing_is_said(outcome: Outcome) -> None:
    assert after(outcome, known(change=RESET)) == ()


def test_an_overdue_change_is_ended_by_a_run_or_by_hand() -> None:
    overdue = change()
    end, by_curl, listing = manual.overdue(overdue)

    assert understood(end) == {"change": str(overdue.id)}
    assert by_curl == by_hand(overdue.revert)
    assert understood(listing) == {}


def test_a_dead_run_is_recovered_by_a_run_or_by_hand() -> None:
    recovery, by_curl = manual.recover(RUN.id, known(change=RESET))

    bound = understood(recovery)
    assert bound == {"playbook": "recover", "parameters": {"run-id": str(RUN.id)}}
    assert by_curl == by_hand(DISABLE)


def test_a_target_that_looks_like_an_option_is_none() -> None:
    command = manual.past(Guard.HOLD, "auto-rollback", "--help")

    assert understood(command) == {"target": "--help"}


def test_a_command_that_cannot_be_shown_whole_is_not_shown() -> None:
    """Half a command is worse than none; the others are shown."""
    shown = manual.shown(["a", "b ``` c", "d\u202ee", "f" * 3000, "g <h>"])

    assert shown == "*By hand*\n```a```\n```g &lt;h&gt;```"
    assert manual.shown([]) == ""


def test_a_step_that_no_command_does_has_none() -> None:
    step = plan().steps[0].model_copy(update={"call": Call(method="propose_change", arguments={})})
    unknown: Plan = plan().model_copy(update={"steps": (step,)})

    assert manual.steps(unknown) == ()


def test_exemptions_past_their_date_come_with_what_marks_them() -> None:
    """Unless that was done."""
    command = by_hand(Call(method="expire_exemptions", arguments={}))
    (_, by_command) = expired_message((), None, done=False)[1]

    assert by_command["text"]["text"] == f"*By hand*\n```{command}```"
    assert "```" not in str(expired_message((), None, done=True))


def test_a_raise_comes_with_what_shows_the_record() -> None:
    message = raise_message(RUN, ROUTE, "A reason", "a: b", None)

    assert "```cct-ops autonomy```" in str(message)
    assert understood("cct-ops autonomy") == {}


@pytest.mark.parametrize(
    ("outcome", "severity", "urgent"),
    [
        (Outcome.FAILED, None, True),
        (Outcome.UNVERIFIED, Severity.P2, True),
        (Outcome.UNDONE, Severity.P1, True),
        (Outcome.BLOCKED, Severity.P1, False),
        (Outcome.BLOCKED, Severity.P0, True),
        (Outcome.VOID, None, False),
        (Outcome.RESOLVED, Severity.P0, False),
        (Outcome.DECLINED, Severity.P0, False),
    ],
)
def test_who_is_on_call_is_reached_where_something_of_ours_went_wrong_or_users_are_hurt(
    outcome: Outcome, severity: Severity | None, urgent: bool
) -> None:
    assert is_urgent(outcome, severity) is urgent
