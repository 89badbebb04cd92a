"""A week in which an exemption is past its date."""

from __future__ import annotations

from cct_ops.scenarios import seeds, truths
from cct_ops.scenarios.scenario import Drill, End, HandlersOnly, Scenario, Spoilt, Step

OPEN = Step("open_issue", ("POST issues",), "close_issue", ("PATCH issues/1",))

SCENARIOS = (
    Scenario(
        "exemption-weekly-report",
        seeds.warning,
        truths.issues,
        End("Resolved", "is open", stands=True),
        (OPEN,),
        spoilt=Spoilt(
            End("Failed", "Nothing of it is in effect", OPEN.writes), seeds.issues_are_closed
        ),
        handlers_only=End("Resolved", "is open", OPEN.writes, stands=True),
        bare="no exemption management",
        drill=Drill(lambda left: [each.state for each in left.sandbox.github().issues] == ["open"]),
    ),
)

ALSO_HANDLERS_ONLY = (
    HandlersOnly(
        "exemption-weekly-report",
        seeds.lost_list,
        End("Unverified", "Either there are none or CCT lost its list"),
    ),
)
