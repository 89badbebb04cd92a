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
    import sqlalchemy as sa

    from cct_ops.config import policy
    from cct_ops.ledger.clock import now
    from cct_ops.ledger.gate import track_record
    from cct_ops.models.autonomy import level_of
    from cct_ops.settings import Settings

    path = Settings.load().policy_path
    known = policy.read(path)
    settings = known.autonomy
    rows: list[dict[str, Any]] = []
    with ledger().connect() as connection:
        moment = connection.execute(sa.select(now())).scalar_one()
        for name, rules in known.playbooks.items():
            targets = [settings.class_of(each) for each in track_record.targets(connection, name)]
            for each in dict.fromkeys(targets):
                record = track_record.of(
                    connection,
                    name,
                    each,
                    recurs_within_hours=settings.recurs_within_hours,
                    clean_since=rules.clean_since,
                )
                earned = level_of(rules.ceiling, name, record, settings, moment)
                lowered = earned.mode is not rules.ceiling
                rows.append(
                    {
                        "playbook": name,
                        "targets": each.name,
                        "policy": rules.ceiling.value,
                        "now": Styled(earned.mode.value, "bold red" if lowered else "green"),
                        "verified_fixes": f"{record.verified_fixes} of {settings.verified_fixes}",
                        "why": earned.reason,
                        "proposal": earned.proposal,
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
