"""``cct-ops autonomy``."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cct_ops.commands.here import ledger


def autonomy() -> int:
    """
    Show what each playbook may do on each class of targets, by its own record.

    Where the record speaks for more, the lines are shown that a person could merge into the policy.
    """
    import sqlalchemy as sa

    from cct_ops import policy
    from cct_ops.ledger import track_record
    from cct_ops.ledger.sql import now
    from cct_ops.models.autonomy import rung
    from cct_ops.settings import Settings

    path = Settings.load().policy_path
    known = policy.read(path)
    settings = known.autonomy
    table = Table("Playbook", "Targets", "Policy", "Now", "Verified fixes", "Why")
    proposals = []
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
                earned = rung(rules.ceiling, name, record, settings, moment)
                lowered = earned.mode is not rules.ceiling
                mode = Text(earned.mode, "bold red" if lowered else "green")
                fixes = f"{record.verified_fixes} of {settings.verified_fixes}"
                table.add_row(name, each.name, rules.ceiling, mode, fixes, Text(earned.reason))
                if earned.proposal:
                    proposals.append(earned.proposal)
    console = Console()
    if table.row_count == 0:
        console.print("No playbook has changed anything yet: each may do what the policy says.")
        return 0
    console.print(table)
    for proposal in dict.fromkeys(proposals):
        console.print(Text(f"\nThe record speaks for more. To raise it, merge into {path}:\n"))
        console.print(Text(proposal))
    return 0
