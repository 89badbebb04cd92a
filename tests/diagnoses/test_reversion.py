"""Compare before restore: what a temporary change becomes at its end."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from cct_ops.diagnoses.reversion import Comparison, ReversionDiagnosis
from cct_ops.models.change import ChangeState, TemporaryChange
from cct_ops.models.plan import Call
from cct_ops.models.run import Outcome


def change(state: ChangeState = ChangeState.ACTIVE) -> TemporaryChange:
    """A temporary change."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return TemporaryChange(
        id=UUID(int=1),
        run_id=UUID(int=2),
        permit_id=UUID(int=3),
        playbook="auto-rollback",
        target="canary/config",
        call=Call(method="disable_auto_rollback", arguments={}),
        revert=Call(method="enable_auto_rollback", arguments={}),
        before="auto-rollback is on",
        owner="Ada",
        reason="A false alarm.",
        state=state,
        created_at=moment,
        until=moment,
        ended_at=None,
        note=None,
        scheduled_revert_id=None,
        scheduled_reverts=0,
    )


@pytest.mark.parametrize(
    ("state", "as_set", "as_before", "ends_as", "outcome"),
    [
        ("active", True, False, ChangeState.REVERTED, Outcome.RESOLVED),
        ("scheduled", True, False, ChangeState.REVERTED, Outcome.RESOLVED),
        ("active", False, True, ChangeState.REVERTED_BY_CCT, Outcome.NOTHING_TO_DO),
        ("scheduled", False, True, ChangeState.NOT_MADE, Outcome.NOTHING_TO_DO),
        ("reverting", False, True, ChangeState.REVERTED, Outcome.RESOLVED),
        ("active", False, False, ChangeState.LEFT, Outcome.VOID),
        ("scheduled", False, False, ChangeState.LEFT, Outcome.VOID),
    ],
)
def test_the_value_decides_how_a_change_ends(
    state: str, *, as_set: bool, as_before: bool, ends_as: ChangeState, outcome: Outcome
) -> None:
    found = Comparison(as_set=as_set, as_before=as_before, seen="what it is")

    ended = ReversionDiagnosis.of(change(ChangeState(state)), found)

    assert (ended.ends_as, ended.outcome) == (ends_as, outcome)
    assert (ended.plan is not None) == as_set
    if ended.plan is not None:
        assert [str(each) for each in ended.plan.calls] == ["enable_auto_rollback()"]


@pytest.mark.parametrize("state", ["active", "reverted"])
def test_what_is_extended_or_over_needs_nothing(state: str) -> None:
    found = ReversionDiagnosis.not_now(change(ChangeState(state)))

    assert (found.outcome, found.plan, found.ends_as) == (Outcome.NOTHING_TO_DO, None, None)


def test_that_a_change_was_extended_is_said_of_none_that_was_not() -> None:
    """A run that comes too early knows only until when the change lasts."""
    active = change()

    assert ReversionDiagnosis.not_now(active).headline == (
        "disable_auto_rollback() is not due: it lasts until 2026-01-01 00:00:00 UTC."
    )
    assert "was extended" in ReversionDiagnosis.extended(active).headline
