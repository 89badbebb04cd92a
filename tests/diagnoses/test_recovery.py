"""What has to be put back after a dead run: judged by what CCT shows, not by the journal alone."""

from __future__ import annotations

from uuid import UUID

import pytest

from cct_ops.diagnoses.recovery import RecoveryDiagnosis, StepState
from cct_ops.models.crashed_run import BegunStep, CrashedRun
from cct_ops.models.plan import Call, Step
from cct_ops.models.run import Mode, Outcome, Run
from cct_ops.models.verification import Verdict
from tests.plans import plan_of


def call(name: str) -> Call:
    """A call of that name."""
    return Call(method=name, arguments={})


STEPS = (
    Step(call=call("first"), undo=call("undo_first")),
    Step(call=call("second"), undo=call("undo_second")),
    Step(call=call("third"), undo=None),
)


def crashed_run(verified: Verdict | None = None) -> CrashedRun:
    """A dead run with three steps, the last of them irreversible."""
    return CrashedRun(
        run=Run(id=UUID(int=1), name="auto-rollback /x", playbook="auto-rollback"),
        mode=Mode.AUTO,
        plan=plan_of(*STEPS, target="/x"),
        begun=tuple(begun(step) for step in STEPS),
        verified=verified,
        reason="It was watched.",
    )


def begun(step: Step, *, confirmed: bool = True) -> BegunStep:
    """A step that the run had begun."""
    return BegunStep(step=step, permit_id=UUID(int=2), confirmed=confirmed)


def seen(step: Step, *, in_effect: bool, undone: bool = False, confirmed: bool = True) -> StepState:
    """What a look shows of it."""
    return StepState(
        begun=begun(step, confirmed=confirmed), in_effect=in_effect, undone=undone, seen="this"
    )


def test_what_is_in_effect_is_taken_back_in_reverse_order() -> None:
    first, second, _ = STEPS

    found = RecoveryDiagnosis.of(
        crashed_run(), (seen(first, in_effect=True), seen(second, in_effect=True, confirmed=False))
    )

    assert [each.method for each in found.calls] == ["undo_second", "undo_first"]
    assert found.outcome is Outcome.UNDONE
    assert found.plan is not None
    assert [step.undo for step in found.plan.steps] == [call("second"), call("first")]


def test_a_call_in_doubt_that_had_no_effect_needs_nothing() -> None:
    found = RecoveryDiagnosis.of(
        crashed_run(), (seen(STEPS[0], in_effect=False, undone=True, confirmed=False),)
    )

    assert (found.plan, found.outcome) == (None, Outcome.UNDONE)
    assert "Nothing of it is in effect" in found.headline


def test_what_cannot_be_taken_back_calls_a_person_and_the_rest_is_taken_back() -> None:
    first, _, third = STEPS

    found = RecoveryDiagnosis.of(
        crashed_run(), (seen(first, in_effect=True), seen(third, in_effect=True))
    )

    assert [each.method for each in found.calls] == ["undo_first"]
    assert found.outcome is Outcome.FAILED
    assert "a person must look: third()" in found.headline


def test_what_lowers_risk_stays_although_its_run_died_before_it_was_verified() -> None:
    """A canary that misbehaves is not switched on again because a process was killed."""
    off = Step(call=call("disable"), undo=call("enable"), lowers_risk=True)

    found = RecoveryDiagnosis.of(
        crashed_run(), (seen(off, in_effect=True), seen(STEPS[0], in_effect=True))
    )

    assert [each.method for each in found.calls] == ["undo_first"]
    assert found.outcome is Outcome.UNVERIFIED
    assert "It stays, because it lowers risk: disable()" in found.headline


@pytest.mark.parametrize(
    ("in_effect", "outcome", "said"),
    [
        (True, Outcome.RESOLVED, "has taken effect since (first(): this)"),
        (False, Outcome.FAILED, "has not taken effect (first(): this). A person must look."),
    ],
)
def test_a_run_that_did_not_know_its_effect_is_closed_by_a_later_look(
    in_effect: bool, outcome: Outcome, said: str
) -> None:
    ended = crashed_run().model_copy(update={"ended": True})

    found = RecoveryDiagnosis.of(ended, (seen(STEPS[0], in_effect=in_effect, confirmed=False),))

    assert (found.plan, found.outcome) == (None, outcome)
    assert said in found.headline


def test_what_somebody_changed_since_is_left_to_a_person() -> None:
    found = RecoveryDiagnosis.of(crashed_run(), (seen(STEPS[0], in_effect=False, undone=False),))

    assert (found.plan, found.outcome) == (None, Outcome.FAILED)
    assert "Left as it is" in found.headline


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Verdict.HOLDS, Outcome.RESOLVED),
        (Verdict.TOO_FEW_SAMPLES, Outcome.UNVERIFIED),
        (Verdict.BROKEN, Outcome.UNDONE),
    ],
)
def test_a_change_that_was_watched_to_the_end_is_kept(verdict: Verdict, outcome: Outcome) -> None:
    """Only the report is missing then; a change whose watch found it broken is taken back."""
    found = RecoveryDiagnosis.of(crashed_run(verdict), (seen(STEPS[0], in_effect=True),))

    assert found.outcome is outcome
    assert (found.plan is None) == (verdict is not Verdict.BROKEN)
