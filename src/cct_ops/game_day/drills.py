"""
The drills: for each playbook the fault that it is for, and what must be true when it has ended.

The one place to add a drill to; a playbook that has none is named in every game day's report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cct_ops.models.cct import Route
from cct_ops.models.cct_limits import LimitClass
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.exemption_inputs import SeedExemption
from cct_ops.sandbox.github_inputs import GitHubSeed, SeededRun

ROUTE = Route.PRE_MARKET_BRIEFING
AUTO: Mapping[str, object] = {"mode": "auto"}
# Long enough for a canary to have served, by the sandbox's clock.
SERVED_SECONDS = 600.0


@dataclass(frozen=True)
class Place:
    """What a drill leaves its traces in."""

    sandbox: SandboxControl
    reviews: Path


@dataclass(frozen=True)
class Drill:
    """
    One drill; ``holds`` looks afterwards at what the playbook left behind.

    ``first`` is another drill's run that comes before. With ``under_way`` this one begins as soon
    as that shows that the other has begun; else the other ends first, and this one is about it.
    """

    playbook: str
    seeded: str
    seed: Callable[[SandboxControl], None]
    expected: str
    holds: Callable[[Place], bool]
    parameters: Mapping[str, object] = field(default_factory=lambda: AUTO)
    first: Drill | None = None
    under_way: Callable[[SandboxControl], bool] | None = None


def _rolled_back(sandbox: SandboxControl) -> None:
    sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)


def _slow_canary(sandbox: SandboxControl) -> None:
    sandbox.set_canary(ROUTE, 20)
    sandbox.profile(ROUTE, canary={"p95_latency_ms": 9000})
    sandbox.advance_clock(SERVED_SECONDS)


def _awake(sandbox: SandboxControl) -> None:
    sandbox.chaos(rolls_back_after_seconds=1)


def _nothing(_: SandboxControl) -> None:
    """Seed nothing: staging is steady as it is."""


def _overdue(sandbox: SandboxControl) -> None:
    sandbox.exemptions(
        SeedExemption(jira_reference="OPS-1", days_left=-2),
        SeedExemption(jira_reference="OPS-2", days_left=90),
    )
    sandbox.seed_github(GitHubSeed())


def _small_limit(sandbox: SandboxControl) -> None:
    sandbox.demand("ann", 60, refusals=5)
    sandbox.demand("ben", 70, refusals=9)


def _new_field(sandbox: SandboxControl) -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": False,
        "properties": {"conclusion": {"enum": ["success", "failure"]}},
    }
    summary = {"conclusion": "success", "coverage": 81}
    files = {"test-summary-schema.json": schema, "test-summary.json": summary}
    sandbox.seed_github(
        GitHubSeed(
            files={name: json.dumps(content) for name, content in files.items()},
            runs=(SeededRun(id=8, conclusion="failure"),),
        )
    )


def _hurt(sandbox: SandboxControl) -> bool:
    return sandbox.state().chaos_faults != ()


def _unhurt(place: Place) -> bool:
    return not _hurt(place.sandbox)


def _pulled_and_unhurt(place: Place) -> bool:
    return _unhurt(place) and place.sandbox.state().rollbacks == 1


def _expired(place: Place) -> bool:
    statuses = place.sandbox.state().exemptions.statuses()
    return statuses == {"OPS-1": "expired", "OPS-2": "active"}


def _raised(place: Place) -> bool:
    limits = place.sandbox.state().rate_limits.limits
    return limits[LimitClass.CANARY].max_requests > 70  # what is asked for


def _proposed(place: Place) -> bool:
    return [pull.state for pull in place.sandbox.github().pulls] == ["open"]


def _told(place: Place) -> bool:
    return [issue.state for issue in place.sandbox.github().issues] == ["open"]


def _written(place: Place) -> bool:
    return any("auto-rollback" in review.read_text() for review in place.reviews.glob("*.md"))


ROLLBACK = Drill(
    playbook="auto-rollback",
    seeded="auto-rollback pulled a canary whose breach is over",
    seed=_rolled_back,
    parameters={**AUTO, "target": ROUTE.value},
    expected="Resolved",
    holds=lambda place: place.sandbox.state().routes[ROUTE].enabled,
)
EXPERIMENT = Drill(
    playbook="chaos-experiment",
    seeded="a steady staging system",
    seed=_nothing,
    parameters={**AUTO, "chaos": "latency", "severity": "mild", "minutes": 1},
    expected="Resolved",
    holds=_unhurt,
)
LONG_EXPERIMENT = Drill(
    playbook=EXPERIMENT.playbook,
    seeded=EXPERIMENT.seeded,
    seed=_nothing,
    parameters={**EXPERIMENT.parameters, "minutes": 10},
    expected="Cancelled",
    holds=_unhurt,
)

DRILLS = (
    ROLLBACK,
    Drill(
        playbook="canary-issue",
        seeded="a canary that is slower than it may be",
        seed=_slow_canary,
        parameters={**AUTO, "target": ROUTE.value},
        expected="Resolved",
        holds=lambda place: not place.sandbox.state().routes[ROUTE].enabled,
    ),
    Drill(
        playbook="exemption-cleanup",
        seeded="an exemption that is active past its date",
        seed=_overdue,
        expected="Resolved",
        holds=_expired,
    ),
    Drill(
        playbook="exemption-failure",
        seeded="the same, and nobody knows what is wrong",
        seed=_overdue,
        expected="Resolved",
        holds=_expired,
    ),
    Drill(
        playbook="exemption-weekly-report",
        seeded="a week with an exemption past its date",
        seed=_overdue,
        expected="Resolved",
        holds=_told,
    ),
    Drill(
        playbook="rate-limiting",
        seeded="two users who need more than the limit",
        seed=_small_limit,
        parameters={**AUTO, "target": LimitClass.CANARY.value},
        expected="Resolved",
        holds=_raised,
    ),
    Drill(
        playbook="schema-validation",
        seeded="a summary with a field that its schema does not know",
        seed=_new_field,
        expected="Resolved",
        holds=_proposed,
    ),
    EXPERIMENT,
    Drill(
        playbook="chaos-failure",
        seeded="an experiment that has to be stopped in the middle",
        seed=_nothing,
        first=LONG_EXPERIMENT,
        under_way=_hurt,
        expected="Resolved",
        holds=_unhurt,
    ),
    Drill(
        playbook="slo-breach-simulation",
        seeded="an auto-rollback that is awake",
        seed=_awake,
        parameters={**AUTO, "target": ROUTE.value, "scenario": "latency", "minutes": 1},
        expected="Resolved",
        holds=_pulled_and_unhurt,
    ),
    Drill(
        playbook="post-incident-review",
        seeded="a rollback that was dealt with",
        seed=_rolled_back,
        parameters={},
        first=ROLLBACK,
        expected="Written",
        holds=_written,
    ),
)
