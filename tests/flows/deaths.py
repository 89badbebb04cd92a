"""Where each playbook that acts is killed, and what must be true of the world afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cct_ops.models.cct import Route
from cct_ops.models.cct_limits import LimitClass
from cct_ops.models.outcome import Outcome
from cct_ops.sandbox.control import SandboxControl
from tests.flows import faulty


class At(StrEnum):
    """The boundaries: the statement after which a run is killed, or no statement of its own."""

    PERMITTED = "INSERT INTO permits"
    ARRANGED = "INSERT INTO temporary_changes"
    CONFIRMED = "UPDATE actions"
    # CCT or GitHub has made the change, and its answer never comes.
    UNANSWERED = "no such statement"


@dataclass(frozen=True)
class Death:
    """A playbook on its fault, where it dies, and what is true of the world in the end."""

    playbook: str
    seed: Callable[[SandboxControl], None]
    truth: Callable[[SandboxControl], object]
    at: At
    outcome: Outcome
    writes: list[str]
    parameters: Mapping[str, object] = field(default_factory=dict)
    person: bool = False
    nth: int = 1
    stands: bool = False

    def __str__(self) -> str:
        """Name the test."""
        return f"{self.playbook}, {self.at.name}, {' and '.join(self.writes) or 'nothing'}"


ROUTE = {"target": Route.DAILY_SUMMARY.value}
LOOSER = {"option": "raise-thresholds", "limits": {"p95_latency_ms": 9000}}
OFF = {"option": "disable-auto-rollback"}
BREACH = {**ROUTE, "minutes": 5}

DEATHS = [
    Death(
        "canary-issue",
        faulty.slow_canary,
        faulty.canary,
        at=At.CONFIRMED,
        outcome=Outcome.UNDONE,
        writes=["POST canary/disable", "POST canary/update"],
        parameters=ROUTE,
    ),
    Death(
        "exemption-cleanup",
        faulty.overdue,
        faulty.exemptions,
        at=At.UNANSWERED,
        outcome=Outcome.UNDONE,
        stands=True,  # a revalidation goes by the dates, and what was overdue stays expired
        writes=["POST exemptions/cleanup", "POST exemptions/revalidate"],
    ),
    Death(
        "exemption-failure",
        faulty.lost_list,
        faulty.exemptions,
        at=At.UNANSWERED,
        outcome=Outcome.FAILED,
        stands=True,
        writes=["POST exemptions/revalidate"],
        person=True,
    ),
    Death(
        "canary-issue",
        faulty.slow_canary,
        faulty.canary,
        at=At.PERMITTED,
        outcome=Outcome.FAILED,
        writes=[],
        parameters=ROUTE,
    ),
    Death(
        "exemption-weekly-report",
        faulty.warning,
        faulty.issues,
        at=At.UNANSWERED,
        outcome=Outcome.UNDONE,
        writes=["POST issues", "PATCH issues/1"],
    ),
    Death(
        "rate-limiting",
        faulty.small_limit,
        faulty.limit,
        at=At.CONFIRMED,
        outcome=Outcome.UNDONE,
        writes=["POST rate-limit/config", "POST rate-limit/config"],
        parameters={"target": LimitClass.CANARY.value},
    ),
    Death(
        "schema-validation",
        faulty.new_field,
        faulty.repository,
        at=At.UNANSWERED,
        outcome=Outcome.UNDONE,
        writes=["POST actions/variables", "DELETE actions/variables"],
        parameters={"fix": "bypass"},
        person=True,
    ),
    Death(  # a branch without its pull request: neither made nor as before, so a person looks
        "schema-validation",
        faulty.new_field,
        faulty.repository,
        at=At.UNANSWERED,
        outcome=Outcome.FAILED,
        stands=True,
        writes=["POST git/refs"],
    ),
    Death(
        "auto-rollback",
        faulty.nothing,
        faulty.rules,
        at=At.UNANSWERED,
        outcome=Outcome.UNDONE,
        writes=["POST canary/config", "POST canary/config"],
        parameters={**ROUTE, **LOOSER},
        person=True,
    ),
    Death(
        "auto-rollback",
        faulty.nothing,
        faulty.rules,
        at=At.ARRANGED,
        outcome=Outcome.FAILED,
        writes=[],
        parameters={**ROUTE, **OFF},
        person=True,
    ),
    Death(  # it can neither be taken back nor be sent again
        "auto-rollback",
        faulty.pulled_canary,
        faulty.deployments,
        at=At.UNANSWERED,
        outcome=Outcome.FAILED,
        stands=True,
        writes=["POST actions/workflows"],
        parameters={**ROUTE, "option": "redeploy"},
        person=True,
    ),
    Death(
        "chaos-experiment",
        faulty.nothing,
        faulty.faults,
        at=At.UNANSWERED,
        outcome=Outcome.UNDONE,
        writes=["POST chaos/faults", "DELETE chaos/faults"],
    ),
    Death(
        "slo-breach-simulation",
        faulty.nothing,
        faulty.canary_and_faults,
        at=At.CONFIRMED,
        outcome=Outcome.UNDONE,
        writes=["POST canary/update", "POST canary/disable"],
        parameters=BREACH,
    ),
    Death(
        "slo-breach-simulation",
        faulty.nothing,
        faulty.canary_and_faults,
        at=At.CONFIRMED,
        nth=2,
        outcome=Outcome.UNDONE,
        writes=[
            "POST canary/update",
            "POST chaos/faults",
            "DELETE chaos/faults",
            "POST canary/disable",
        ],
        parameters=BREACH,
    ),
]
