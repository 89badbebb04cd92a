"""Every playbook that acts, on its fault, once for each kind of change that it can make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cct_ops.models.cct import Route
from cct_ops.models.cct_limits import LimitClass
from cct_ops.models.outcome import Outcome
from cct_ops.sandbox.control import SandboxControl
from tests.flows import faulty


@dataclass(frozen=True)
class Done:
    """
    One step of a plan: its method, the requests that it takes, and the same of its undo.

    ``shows_again`` is an undo after which the step itself still seems to be in effect. A step that
    ``stays`` lowers risk, so that nobody takes it back.
    """

    method: str
    writes: tuple[str, ...]
    undo_method: str | None = None
    undo: tuple[str, ...] = ()
    lasts: bool = False
    shows_again: bool = False
    stays: bool = False


@dataclass(frozen=True)
class Act:
    """
    A playbook on its fault, the truth about what it changes, and what its plan is.

    ``verified`` is the account of one that dies after its verification, ``ends`` how it ends by
    itself. One that ``keeps`` its changes for its own time only takes them back before that.
    ``other_messages`` are sent before the one that says how it ended.
    """

    playbook: str
    seed: Callable[[SandboxControl], None]
    truth: Callable[[SandboxControl], object]
    steps: tuple[Done, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)
    person: bool = False
    keeps: bool = False
    verified: Outcome = Outcome.RESOLVED
    ends: Outcome = Outcome.RESOLVED
    other_messages: int = 0

    def __str__(self) -> str:
        """Name it by what was asked for."""
        asked = [str(value) for name, value in self.parameters.items() if name in CHOICES]
        return " ".join([self.playbook, *asked])


# The parameters by which people choose what a playbook does.
CHOICES = frozenset({"option", "fix"})
HERE = {"target": Route.DAILY_SUMMARY.value}
BRIEF = {"minutes": 0.02}
CLASS = {"target": LimitClass.CANARY.value}

SET_LIMIT = ("POST rate-limit/config",)
SET_RULES = ("POST canary/config",)
UPDATE, DISABLE = ("POST canary/update",), ("POST canary/disable",)
INJECT, REMOVE = ("POST chaos/faults",), ("DELETE chaos/faults",)
CLEANUP, REVALIDATE = ("POST exemptions/cleanup",), ("POST exemptions/revalidate",)

SET_BACK = ("set_canary", UPDATE)
EXPIRE = Done("expire_exemptions", CLEANUP, "revalidate_exemptions", REVALIDATE, shows_again=True)
FAULT = Done("inject_fault", INJECT, "remove_fault", REMOVE, lasts=True)
WITHDRAW = ("PATCH pulls/1", "DELETE git/refs")


def _propose(file: str) -> Done:
    writes = ("POST git/refs", f"PUT contents/{file}", "POST pulls")
    return Done("propose_change", writes, "withdraw_change", WITHDRAW)


ACTS = [
    Act(
        "auto-rollback",
        faulty.recovered_canary,
        faulty.canary,
        (Done("reset_canary", ("POST canary/reset",), "disable_canary", DISABLE),),
        {**HERE, "option": "restore"},
    ),
    Act(
        "auto-rollback",
        faulty.nothing,
        faulty.rules,
        (Done("set_slo_thresholds", SET_RULES, "set_slo_thresholds", SET_RULES, lasts=True),),
        {**HERE, "option": "raise-thresholds", "limits": {"p95_latency_ms": 9000}},
        person=True,
    ),
    Act(
        "auto-rollback",
        faulty.nothing,
        faulty.rules,
        (
            Done(
                "disable_auto_rollback",
                ("POST canary/disable-auto-rollback",),
                "enable_auto_rollback",
                ("POST canary/enable-auto-rollback",),
                lasts=True,
            ),
        ),
        {**HERE, "option": "disable-auto-rollback"},
        person=True,
    ),
    Act(
        "auto-rollback",
        faulty.pulled_canary,
        faulty.deployments,
        (Done("dispatch_workflow", ("POST actions/workflows",)),),
        {**HERE, "option": "redeploy"},
        person=True,
    ),
    Act(
        "canary-issue",
        faulty.wrong_share,
        faulty.canary,
        (Done("reset_canary", ("POST canary/reset",), *SET_BACK),),
        {**HERE, "fix": "reset"},
    ),
    Act(
        "canary-issue",
        faulty.slow_canary,
        faulty.canary,
        (Done("disable_canary", DISABLE, *SET_BACK, stays=True),),
        {**HERE, "fix": "disable"},
    ),
    Act(
        "canary-issue",
        faulty.good_canary,
        faulty.canary,
        (Done("promote_canary", ("POST canary/promote",), *SET_BACK),),
        {**HERE, "fix": "promote"},
        person=True,
    ),
    Act("exemption-cleanup", faulty.overdue, faulty.exemptions, (EXPIRE,), other_messages=1),
    Act("exemption-failure", faulty.overdue, faulty.exemptions, (EXPIRE,), {"fix": "cleanup"}),
    Act(
        "exemption-failure",
        faulty.lost_list,
        faulty.exemptions,
        (Done("revalidate_exemptions", REVALIDATE),),
        {"fix": "revalidate"},
        person=True,
    ),
    Act(
        "exemption-failure",
        faulty.overdue,
        faulty.exemptions,
        (Done("reset_exemptions", ("POST exemptions/reset",)),),
        {"fix": "reset"},
        person=True,
    ),
    Act(
        "exemption-weekly-report",
        faulty.warning,
        faulty.issues,
        (Done("open_issue", ("POST issues",), "close_issue", ("PATCH issues/1",)),),
    ),
    Act(
        "rate-limiting",
        faulty.small_limit,
        faulty.limit,
        (Done("set_rate_limit", SET_LIMIT, "set_rate_limit", SET_LIMIT, lasts=True),),
        {**CLASS, "fix": "raise"},
    ),
    Act(
        "rate-limiting",
        faulty.starved_users,
        faulty.starved,
        (Done("clear_rate_limits", ("POST rate-limit/clear",)),),
        {**CLASS, "fix": "clear"},
        person=True,
    ),
    Act(
        "rate-limiting",
        faulty.starved_user,
        faulty.starved,
        (Done("reset_user_limit", ("POST rate-limit/reset",)),),
        {**CLASS, "fix": "reset-user"},
        person=True,
    ),
    Act(
        "schema-validation",
        faulty.new_field,
        faulty.repository,
        (
            Done(
                "set_variable",
                ("POST actions/variables",),
                "delete_variable",
                ("DELETE actions/variables",),
                lasts=True,
            ),
        ),
        {"fix": "bypass"},
        person=True,
    ),
    Act(
        "schema-validation",
        faulty.new_field,
        faulty.repository,
        (_propose("test-summary-schema.json"),),
        {"fix": "propose-schema"},
    ),
    Act(
        "schema-validation",
        faulty.wrong_summary,
        faulty.repository,
        (_propose("test-summary.json"),),
        {"fix": "propose-summary"},
    ),
    Act("chaos-experiment", faulty.nothing, faulty.faults, (FAULT,), BRIEF, keeps=True),
    Act(  # nothing pulls the canary here, so what it says about CCT is never good
        "slo-breach-simulation",
        faulty.nothing,
        faulty.canary_and_faults,
        (Done("set_canary", UPDATE, "disable_canary", DISABLE, lasts=True), FAULT),
        {**HERE, **BRIEF},
        keeps=True,
        verified=Outcome.UNDONE,
        ends=Outcome.UNVERIFIED,
    ),
]
