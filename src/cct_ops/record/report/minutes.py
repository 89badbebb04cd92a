"""
The minutes that a person would have needed: a rule that is stated, and nothing measured.

The table counts the commands that the manual runbook (docs/ops-playbooks.md) makes a person type:
to look into the fault, and the shortest of its ways to repair it. What the runbook has no section
for saves nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from cct_ops.models.run import Outcome

MINUTES_PER_COMMAND = 2
"""To find a command, fill in its names and its key, run it and read what it says."""


class Manual(NamedTuple):
    """How many commands the runbook has for one playbook, and under which heading."""

    section: str
    look: int
    repair: int


MANUAL = {
    "schema-validation": Manual("Schema Validation Failures", look=11, repair=2),
    "auto-rollback": Manual("Auto-Rollback Incidents", look=9, repair=1),
    "canary-issue": Manual("Canary Deployment Issues", look=4, repair=1),
    "exemption-failure": Manual("Exemption System Failures", look=4, repair=4),
    "exemption-cleanup": Manual("Exemption System Failures", look=2, repair=2),
    "exemption-weekly-report": Manual("Exemption System Failures", look=2, repair=0),
    "rate-limiting": Manual("Rate Limiting Activation", look=3, repair=1),
    "chaos-failure": Manual("Chaos Test Failures", look=6, repair=1),
}

CONCLUDED = {
    outcome.value
    for outcome in (Outcome.RESOLVED, Outcome.NOTHING_TO_DO, Outcome.RECOMMENDED, Outcome.PASSED)
}
"""The outcomes that leave nobody anything to look into."""

RULE = (
    f"{MINUTES_PER_COMMAND} minutes for each command that the manual runbook has to look with,"
    " where the run came to a conclusion of its own (Resolved, Nothing to do, Recommended,"
    " Passed); the same for each command of its shortest repair, where a fix was verified; less"
    f" {MINUTES_PER_COMMAND} minutes for each answer that a person gave. Never less than 0. Every"
    " other outcome, and every playbook that the runbook has no section for, saves nothing."
)


def saved(playbook: object, outcome: object, *, fixed: bool, answers: int) -> int:
    """Return the minutes that one incident saved."""
    manual = MANUAL.get(str(playbook))
    if manual is None or outcome not in CONCLUDED:
        return 0
    commands = manual.look + (manual.repair if fixed else 0)
    return max(0, MINUTES_PER_COMMAND * (commands - answers))
