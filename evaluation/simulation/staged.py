"""
Situations that are set up one by one in the first hours, each for one promise of the gate.

Luck alone would need many weeks for them. What must not happen in each is for the audit to see,
which knows neither the gate nor this list.
"""

from __future__ import annotations

from evaluation.simulation.scenario import MINUTE, START, USUAL, Firing, Kind, Mishap


def staged() -> list[Firing]:
    """Return all of them in order of time."""
    found = [
        # One repairs the target while another playbook waits for its lock.
        _firing(1, "healed"),
        _firing(2, "healed", Kind.RIVAL),
        # One fails while another waits, and meanwhile everything is stopped.
        _firing(12, "stopped", works=False),
        _firing(13, "stopped", Kind.RIVAL),
        _firing(21, "approved", works=False, needs_person=True, urgent=True, retried=True),
        _firing(25, "unanswered", needs_person=True),
        _firing(26, "slow", mishap=Mishap.DAWDLES),
        _firing(27, "asleep", mishap=Mishap.STALLS),
        _firing(28, "alive", recovered_alive=True),
        *(_firing(34, name) for name in ("held", "silenced", "window", "unlisted")),
        _firing(35, "alone", Kind.WATCHED),
        _firing(37, "taken-over", Kind.WEAKENED, meddled=True),
        _firing(38, "weak", Kind.WEAKENED),
        _firing(45, "dead", mishap=Mishap.DIES_UNTOLD),
        _firing(47, "empty", mishap=Mishap.STORES_NOTHING),
        # It fails again at once, and a person would say yes.
        _firing(53, "again"),
        _firing(60, "again", alertname="CanaryRolledBack", urgent=True),
        *(_firing(70 + number / 300, f"storm-{number:02}") for number in range(24)),
        # One fails while another waits, and meanwhile the target fails for another reason.
        _firing(85, "overtaken", works=False),
        _firing(86, "overtaken", Kind.RIVAL),
        _firing(88, "overtaken", alertname="CanaryRolledBack", cause="a bad disk"),
        # One more than the budget of an hour allows.
        _firing(132, "odd", Kind.WEAKENED),
        *(_firing(133 + number, f"budget-{number:02}") for number in range(16)),
    ]
    return sorted(found, key=lambda each: each.at)


def _firing(
    minute: float,
    name: str,
    kind: Kind = Kind.STAGED,
    *,
    alertname: str = "SLOBreach",
    works: bool = True,
    mishap: Mishap | None = None,
    cause: str = USUAL,
    **more: bool,
) -> Firing:
    at = START + minute * MINUTE
    return Firing(
        at=at,
        kind=kind,
        target=f"/{Kind.STAGED}-{name}",
        alertname="HighLatency" if kind is Kind.RIVAL else alertname,
        heals_at=at + 50 * MINUTE,
        works=works,
        mishap=mishap,
        revert_mishap=None,
        meddled=more.pop("meddled", False),
        answer_minutes=1,
        says_yes=True,
        cause=cause,
        **more,
    )
