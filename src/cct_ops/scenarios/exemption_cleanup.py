"""Exemptions are past their date and still active."""

from __future__ import annotations

from cct_ops.scenarios import seeds, truths
from cct_ops.scenarios.breakage import Breakage
from cct_ops.scenarios.scenario import (
    Drill,
    End,
    HandlersOnly,
    Left,
    Scenario,
    Spoilt,
    Step,
    undone,
)

CLEANUP, REVALIDATE = ("POST exemptions/cleanup",), ("POST exemptions/revalidate",)
EXPIRE = Step("expire_exemptions", CLEANUP, "revalidate_exemptions", REVALIDATE, shows_again=True)
AGREE = End("Resolved", "validation agree", stands=True)
HASTY = Spoilt(
    # What was overdue stays expired.
    End("Undone", "1 are active where 2 must have stayed", undone(EXPIRE), stands=True),
    seeds.hasty,
)
BY_MAINTENANCE = End(
    "Resolved", "weekly report agree", ("POST exemptions/maintenance",), stands=True
)
LOST = End("Unverified", "Either there are none or CCT lost its list")


def expired(left: Left) -> bool:
    """Return whether all that is past its date is expired, and nothing else."""
    statuses = left.sandbox.state().exemptions.statuses()
    return statuses == {"OPS-1": "expired", "OPS-2": "active", "OPS-3": "active"}


SCENARIOS = (
    Scenario(
        "exemption-cleanup",
        seeds.overdue,
        truths.exemptions,
        AGREE,
        (EXPIRE,),
        other_messages=1,
        spoilt=HASTY,
        handlers_only=BY_MAINTENANCE,
        bare="no exemption management",
        drill=Drill(expired),
    ),
)

ALSO_HANDLERS_ONLY = (HandlersOnly("exemption-cleanup", seeds.lost_list, LOST),)

BREAKAGES = (
    Breakage(
        "exemptions-overdue",
        "Exemptions are past their date",
        "An exemption ended two days ago and is still active. The playbook counts what is overdue,"
        " lets CCT expire exactly that, and compares afterwards.",
        "exemption-cleanup",
        lambda sandbox, _target: seeds.overdue(sandbox),
        {"alertname": "ExemptionsOverdue", "severity": "warning"},
        ("exemptions",),
    ),
)
