"""Exemption counts or records are wrong, and nobody knows why."""

from __future__ import annotations

from cct_ops.scenarios import seeds, truths
from cct_ops.scenarios.breakage import Breakage
from cct_ops.scenarios.exemption_cleanup import (
    AGREE,
    BY_MAINTENANCE,
    EXPIRE,
    HASTY,
    LOST,
    REVALIDATE,
    expired,
)
from cct_ops.scenarios.scenario import LASTS, Drill, End, HandlersOnly, Scenario, Spoilt, Step

RESET = ("POST exemptions/reset",)

SCENARIOS = (
    Scenario(
        "exemption-failure",
        seeds.overdue,
        truths.exemptions,
        AGREE,
        (EXPIRE,),
        parameters={"fix": "cleanup"},
        spoilt=HASTY,
        handlers_only=BY_MAINTENANCE,
        bare="no exemption management",
        drill=Drill(expired, {"fix": "recommended"}),
    ),
    Scenario(
        "exemption-failure",
        seeds.lost_list,
        truths.exemptions,
        AGREE,
        (Step("revalidate_exemptions", REVALIDATE),),
        parameters={"fix": "revalidate"},
        asks=True,
        spoilt=Spoilt(
            End("Failed", f"{LASTS}revalidate_exemptions()", REVALIDATE, stands=True),
            manual_change=seeds.wrong_counts,
        ),
        handlers_only_seed=seeds.overdue,
        handlers_only=End("Blocked", "its validate only answers and changes nothing"),
    ),
    Scenario(
        "exemption-failure",
        seeds.overdue,
        truths.exemptions,
        AGREE,
        (Step("reset_exemptions", RESET),),
        parameters={"fix": "reset"},
        asks=True,
        spoilt=Spoilt(
            End("Failed", f"{LASTS}reset_exemptions()", RESET, stands=True),
            manual_change=seeds.wrong_counts,
        ),
        handlers_only=End("Blocked", "its revoke ends one record at a time"),
    ),
)

ALSO_HANDLERS_ONLY = (HandlersOnly("exemption-failure", seeds.lost_list, LOST),)

BREAKAGES = (
    Breakage(
        "exemptions-lost",
        "CCT loses its list of exemptions",
        "CCT counts no exemption although there are some. The mending cannot be taken back, so the"
        " playbook asks two persons of the list of approvers. To see it, sign in as two of them: by"
        ' links for "Incident lead" and for "On-call engineer".',
        "exemption-failure",
        lambda sandbox, _target: seeds.lost_list(sandbox),
        {"alertname": "ExemptionReportWrong", "severity": "error"},
        ("exemptions",),
        asks=2,
    ),
)
