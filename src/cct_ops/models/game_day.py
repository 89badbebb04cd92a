"""The results of a game day's drills."""

from __future__ import annotations

from typing import ClassVar

from cct_ops.models.base import Frozen
from cct_ops.models.diagnosis import Conclusion
from cct_ops.models.run import Evidence, Outcome, Severity


class DrillResult(Frozen):
    """One drill: what was seeded, how the playbook should end, and how it did."""

    playbook: str
    seeded: str
    expected: str
    ended: str
    problem: str | None
    seconds: float

    @property
    def works(self) -> bool:
        """True if the playbook did what it is for."""
        return self.problem is None


class GameDayDiagnosis(Conclusion):
    """The results of all drills, and the playbooks without one."""

    playbook: ClassVar[str] = "game-day"
    target: str = "sandbox"

    @classmethod
    def of(cls, results: tuple[DrillResult, ...], undrilled: tuple[str, ...]) -> GameDayDiagnosis:
        """Conclude from the results."""
        failed = [result for result in results if not result.works]
        parts = [f"{len(results) - len(failed)} of {len(results)} drilled playbooks work."]
        if failed:
            parts.append(f"Not so: {', '.join(each.playbook for each in failed)}.")
        if undrilled:
            parts.append(f"Without a drill: {', '.join(undrilled)}.")
        works = bool(results) and not failed
        return cls(
            headline=" ".join(parts),
            severity=Severity.P2 if works else Severity.P1,
            evidence=tuple(
                Evidence.of(
                    each.playbook,
                    f"{each.ended} after {each.seconds:.0f} s",
                    each.problem or "As it should.",
                )
                for each in results
            ),
            outcome=Outcome.PASSED if works else Outcome.UNVERIFIED,
        )
