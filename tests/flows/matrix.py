"""What every playbook is held to, option by option: one row for each, and no cell left empty."""

from __future__ import annotations

from cct_ops.models.cct_limits import LimitClass
from tests.flows import faulty, going_on, meddling
from tests.flows.matrix_of_canaries import AUTO_ROLLBACK, CANARY_ISSUE, ROUTE
from tests.flows.row import End, Mounted, Row, Spoilt

LIMIT = {"target": LimitClass.CANARY.value}
SHORT = {"minutes": 0.02}
BREACH = (
    "POST canary/update",
    "POST chaos/faults",
    "DELETE chaos/faults",
    "POST canary/disable",
)
NO_LIMITS = "This CCT has no administration of rate limits"
IGNORES = "This CCT ignores chaos, so nothing was injected"
LASTS = "What cannot be undone: "

EXEMPTIONS = [
    Row(
        "exemption-failure",
        faulty.overdue,
        faulty.exemptions,
        option="cleanup",
        parameters={"fix": "cleanup"},
        acts=End("Resolved", "validation agree", ("POST exemptions/cleanup",), stands=True),
        spoilt=Spoilt(
            End(
                "Undone",
                "1 are active where 2 must have stayed",
                ("POST exemptions/cleanup", "POST exemptions/revalidate"),
                stands=True,  # what was overdue stays expired
            ),
            faulty.hasty,
        ),
        mounted=End("Resolved", "weekly report agree", ("POST exemptions/maintenance",), True),
    ),
    Row(
        "exemption-failure",
        faulty.lost_list,
        faulty.exemptions,
        option="revalidate",
        parameters={"fix": "revalidate"},
        asks=True,
        acts=End("Resolved", "validation agree", ("POST exemptions/revalidate",), stands=True),
        spoilt=Spoilt(
            End("Failed", f"{LASTS}revalidate_exemptions()", ("POST exemptions/revalidate",), True),
            meddle=meddling.wrong_counts,
        ),
        mounted_seed=faulty.overdue,
        mounted=End("Blocked", "its validate only answers and changes nothing"),
    ),
    Row(
        "exemption-failure",
        faulty.overdue,
        faulty.exemptions,
        option="reset",
        parameters={"fix": "reset"},
        asks=True,
        acts=End("Resolved", "validation agree", ("POST exemptions/reset",), stands=True),
        spoilt=Spoilt(
            End("Failed", f"{LASTS}reset_exemptions()", ("POST exemptions/reset",), stands=True),
            meddle=meddling.wrong_counts,
        ),
        mounted=End("Blocked", "its revoke ends one record at a time"),
    ),
    Row(
        "exemption-cleanup",
        faulty.overdue,
        faulty.exemptions,
        acts=End("Resolved", "validation agree", ("POST exemptions/cleanup",), stands=True),
        spoilt=Spoilt(
            End(
                "Undone",
                "1 are active where 2 must have stayed",
                ("POST exemptions/cleanup", "POST exemptions/revalidate"),
                stands=True,
            ),
            faulty.hasty,
        ),
        mounted=End("Resolved", "weekly report agree", ("POST exemptions/maintenance",), True),
    ),
    Row(
        "exemption-weekly-report",
        faulty.warning,
        faulty.issues,
        acts=End("Resolved", "is open", ("POST issues",), stands=True),
        spoilt=Spoilt(
            End("Failed", "Nothing of it is in effect", ("POST issues",)),
            faulty.issues_are_closed,
        ),
        mounted=End("Resolved", "is open", ("POST issues",), stands=True),
    ),
]

LIMITS = [
    Row(
        "rate-limiting",
        faulty.small_limit,
        faulty.limit,
        option="raise",
        parameters={**LIMIT, "fix": "raise", "lasts_minutes": 30},
        acts=End("Resolved", "refuses none of ben, ann", ("POST rate-limit/config",), stands=True),
        spoilt=Spoilt(
            End("Undone", "still refuses", ("POST rate-limit/config", "POST rate-limit/config")),
            faulty.starved_user,
        ),
        mounted=End("Blocked", NO_LIMITS),
    ),
    Row(
        "rate-limiting",
        faulty.starved_users,
        faulty.starved,
        option="clear",
        parameters={**LIMIT, "fix": "clear"},
        asks=True,
        acts=End("Resolved", "refuses none of ann, ben", ("POST rate-limit/clear",), stands=True),
        spoilt=Spoilt(
            End("Failed", f"{LASTS}clear_rate_limits()", ("POST rate-limit/clear",), stands=True),
            meddle=faulty.starved_user,
        ),
        mounted="The limits cannot even be read, whatever the fix; the row above shows it.",
    ),
    Row(
        "rate-limiting",
        faulty.starved_user,
        faulty.starved,
        option="reset-user",
        parameters={**LIMIT, "fix": "reset-user"},
        asks=True,
        acts=End("Resolved", "refuses none of ann", ("POST rate-limit/reset",), stands=True),
        spoilt=Spoilt(
            End("Failed", f"{LASTS}reset_user_limit(user='ann')", ("POST rate-limit/reset",)),
            meddle=faulty.starved_user,
        ),
        mounted="The limits cannot even be read, whatever the fix; a row above shows it.",
    ),
]

PULLED = ("POST git/refs", "PUT contents/test-summary-schema.json", "POST pulls")
SUMMARY = ("POST git/refs", "PUT contents/test-summary.json", "POST pulls")
WITHDRAWN = ("DELETE git/refs",)  # the pull request is closed already
SCHEMA = [
    Row(
        "schema-validation",
        faulty.new_field,
        faulty.repository,
        option="propose-schema",
        parameters={"fix": "propose-schema"},
        acts=End("Resolved", "validation passes once it is merged", PULLED, stands=True),
        spoilt=Spoilt(
            End("Undone", "did not take effect", (*PULLED, *WITHDRAWN)), faulty.pulls_are_closed
        ),
        mounted=End("Resolved", "validation passes once it is merged", PULLED, stands=True),
    ),
    Row(
        "schema-validation",
        faulty.wrong_summary,
        faulty.repository,
        option="propose-summary",
        parameters={"fix": "propose-summary"},
        acts=End("Resolved", "validation passes", SUMMARY, True),
        spoilt=Spoilt(
            End("Undone", "did not take effect", (*SUMMARY, *WITHDRAWN)),
            faulty.summary_pulls_are_closed,
        ),
        mounted="It is about the repository alone; the row above shows it.",
    ),
    Row(
        "schema-validation",
        faulty.new_field,
        faulty.repository,
        option="bypass",
        parameters={"fix": "bypass", "minutes": 30},
        asks=True,
        acts=End("Resolved", "warn", ("POST actions/variables",), stands=True),
        spoilt=Spoilt(
            End(
                "Undone",
                "set_variable",
                (
                    "POST actions/variables",
                    "PATCH actions/variables",
                    "DELETE actions/variables",
                ),
            ),
            meddle=meddling.validation_is_strict,
        ),
        mounted="It is about the repository alone; a row above shows it.",
    ),
]

CHAOS = [
    Row(
        "chaos-experiment",
        faulty.nothing,
        faulty.faults,
        parameters=SHORT,
        acts=End("Resolved", "It serves as before", ("POST chaos/faults", "DELETE chaos/faults")),
        spoilt=Spoilt(
            End("Unverified", "recorded no breach", ("POST chaos/faults", "DELETE chaos/faults")),
            faulty.unmonitored,
            parameters={"severity": "moderate"},
        ),
        mounted=End("Blocked", IGNORES),
    ),
    Row(
        "slo-breach-simulation",
        faulty.awake,
        faulty.canary_and_faults,
        parameters={**ROUTE, "minutes": 0.05},
        acts=End("Resolved", "CCT rolled /daily-summary back", BREACH),
        spoilt=Spoilt(End("Unverified", "No rollback", BREACH), faulty.asleep),
        mounted=End("Blocked", IGNORES),
    ),
    Row(
        "chaos-failure",
        going_on.experiment,
        faulty.faults,
        person=False,  # who stops an experiment is not kept waiting
        acts=End("Resolved", "Test again", ("DELETE chaos/faults",), stands=True),
        spoilt=Spoilt(
            End("Unverified", "Still in effect: theirs", ("DELETE chaos/faults",), stands=True),
            faulty.strange_fault,
        ),
        mounted_seed=faulty.nothing,
        mounted=End("Nothing to do", "This CCT ignores chaos, so no fault can be in effect."),
    ),
]

ROWS = [*AUTO_ROLLBACK, *CANARY_ISSUE, *EXEMPTIONS, *LIMITS, *SCHEMA, *CHAOS]

# What a CCT with only its own handlers does not show must not look well.
ALSO_MOUNTED = [
    Mounted(
        "canary-issue",
        faulty.slow_canary,
        End("Unverified", "this CCT measures no traffic to judge it by"),
        ROUTE,
    ),
    Mounted(
        "exemption-failure",
        faulty.lost_list,
        End("Unverified", "Either there are none or CCT lost its list"),
    ),
    Mounted(
        "exemption-cleanup",
        faulty.lost_list,
        End("Unverified", "Either there are none or CCT lost its list"),
    ),
    Mounted(
        "exemption-weekly-report",
        faulty.lost_list,
        End("Unverified", "Either there are none or CCT lost its list"),
    ),
    Mounted(
        "auto-rollback",
        faulty.good_canary,
        End("Unverified", "takes traffic, and how it serves is unknown"),
        ROUTE,
    ),
]

# These have no mode and change nothing that they could take back.
WITHOUT_ROW = {
    "post-incident-review": "It reads the ledger and writes a new file, whatever CCT speaks.",
    "game-day": "It has a stack of its own, and not one request of it reaches the CCT that is set.",
}
