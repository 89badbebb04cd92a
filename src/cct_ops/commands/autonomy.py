"""``cct-ops autonomy``."""

from __future__ import annotations

from typing import Any

from cct_ops.commands.here import ledger
from cct_ops.commands.options import Json
from cct_ops.terminal import Styled, columns, say, show

_COLUMNS = columns(
    "playbook", "targets", "policy", "now", verified_fixes="verified fixes", why="why"
)


def autonomy(*, as_json: Json = False) -> int:
    """
    Show what each playbook may do on each class of targets, by its own record.

    Where the record speaks for more, the lines are shown that a person could merge into the policy.
    """
    from cct_ops.config import policy
    from cct_ops.ledger.gate.levels import earned
    from cct_ops.settings import Settings

    path = Settings.load().policy_path
    known = policy.read(path)
    rows: list[dict[str, Any]] = []
    with ledger().connect() as connection:
        for name, rules in known.playbooks.items():
            for each in earned(connection, name, known):
                lowered = each.level.mode is not rules.ceiling
                rows.append(
                    {
                        "playbook": name,
                        "targets": each.targets,
                        "policy": rules.ceiling.value,
                        "now": Styled(each.level.mode.value, "bold red" if lowered else "green"),
                        "verified_fixes": f"{each.verified_fixes} of"
                        f" {known.autonomy.verified_fixes}",
                        "why": each.level.reason,
                        "proposal": each.level.proposal,
                    }
                )
    empty = "No playbook has changed anything yet: each may do what the policy says."
    show(_COLUMNS, rows, as_json=as_json, empty=empty)
    if as_json:
        return 0
    for proposal in dict.fromkeys(row["proposal"] for row in rows if row["proposal"]):
        say()
        say(f"The record speaks for more. To raise it, merge into {path}:")
        say()
        for line in proposal.splitlines():
            say(line)
    return 0
