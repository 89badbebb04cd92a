"""Playbooks: what each is for, what it may do at most, and how it ended last."""

from __future__ import annotations

from cct_ops.board.page import Asked, Board, Page
from cct_ops.config import policy
from cct_ops.models.base import Frozen
from cct_ops.models.run import Mode
from cct_ops.record import playbook_runs
from cct_ops.record.playbook_runs import Ended


class Listed(Frozen):
    """One playbook; ``when`` is what its description opens with."""

    name: str
    when: str
    ceiling: Mode
    paused: bool
    last: Ended | None


class Playbooks(Frozen):
    """Those that there are, what puts back what they changed, and why Prefect is not heard."""

    playbooks: tuple[Listed, ...]
    upkeep: tuple[Listed, ...]
    away: str | None


def read(board: Board, asked: Asked) -> Playbooks:
    """Read them from the policy and, if it answers, from Prefect."""
    rules = policy.read(board.settings.policy_path)
    found, away = board.prefect.known()
    upkeep = [name for name, each in found.items() if not each.playbook]
    names = sorted({*rules.playbooks, *found}.difference(upkeep))

    def listed(name: str) -> Listed:
        words = dict(found[name].words) if name in found else {}
        newest = playbook_runs.newest(board.engine, name, 1)
        return Listed(
            name=name,
            when=words.get("When", ""),
            ceiling=rules.ceiling(name),
            paused=name in found and found[name].paused,
            last=newest[0] if newest else None,
        )

    return Playbooks(
        playbooks=tuple(map(listed, names)), upkeep=tuple(map(listed, sorted(upkeep))), away=away
    )


PAGE = Page("playbooks", "Playbooks", "/playbooks", read)
