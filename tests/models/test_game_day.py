"""What a game day's drills show."""

from __future__ import annotations

from cct_ops.models.game_day import DrillResult, GameDayDiagnosis
from cct_ops.models.run import Outcome


def result(playbook: str, problem: str | None = None) -> DrillResult:
    """One drill."""
    return DrillResult(
        playbook=playbook,
        seeded="s",
        expected="Resolved",
        ended="Resolved",
        problem=problem,
        seconds=1,
    )


def test_one_drill_that_fails_makes_the_day_red() -> None:
    day = GameDayDiagnosis.of((result("a"), result("b", "why")), ("c",))

    assert day.outcome is Outcome.UNVERIFIED
    assert day.headline == "1 of 2 drilled playbooks work. Not so: b. Without a drill: c."
    assert GameDayDiagnosis.of((result("a"),), ()).outcome is Outcome.PASSED


def test_no_drill_at_all_is_no_success() -> None:
    assert GameDayDiagnosis.of((), ("a",)).outcome is Outcome.UNVERIFIED
