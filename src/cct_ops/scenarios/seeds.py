"""The faults of the scenarios, each put into a sandbox, and the test summaries that are wrong."""

from __future__ import annotations

import json
from typing import Any

from cct_ops.models.cct import Route
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.github_inputs import GitHubSeed, SeededRun
from cct_ops.sandbox.inputs import SeedExemption

SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["test_metadata", "test_results"],
    "additionalProperties": False,
    "properties": {
        "test_metadata": {
            "type": "object",
            "required": ["test_name", "execution_id", "timestamp"],
            "properties": {
                "test_name": {"type": "string"},
                "execution_id": {"type": "string", "pattern": "^[a-f0-9-]{36}$"},
                "timestamp": {"type": "string", "format": "date-time"},
            },
        },
        "test_results": {
            "type": "object",
            "required": ["total_tests"],
            "properties": {
                "total_tests": {"type": "integer", "minimum": 0},
                "overall_status": {"enum": ["PASS", "FAIL", "WARN", "ERROR", "TIMEOUT"]},
            },
        },
        "conclusion": {"enum": ["success", "failure", "neutral"]},
    },
}


def summary(**results: Any) -> dict[str, Any]:
    """A summary that is right, but for these results."""
    right = {
        "total_tests": 8,
        "tests_passed": 7,
        "tests_failed": 1,
        "tests_skipped": 0,
        "tests_warned": 1,
        "success_rate": 87.5,
        "overall_status": "WARN",
    }
    return {
        "test_metadata": {
            "test_name": "smoke",
            "execution_id": "1f4cd2b6-26ec-42b3-bb9d-7a320fbbc593",
            "timestamp": "2025-11-27T09:11:46Z",
        },
        "test_results": right | results,
    }


ROUTE = Route.DAILY_SUMMARY
OVERDUE = SeedExemption(jira_reference="OPS-1", owner="alice", days_left=-2)
SOON = SeedExemption(jira_reference="OPS-2", owner="bob", days_left=3)
LATER = SeedExemption(jira_reference="OPS-3", owner="bob", days_left=90)


def nothing(_: SandboxControl) -> None:
    """All is well; the playbook itself does the harm."""


def good_canary(sandbox: SandboxControl) -> None:
    """A canary that serves well for ten minutes."""
    sandbox.set_canary(ROUTE, 20)
    sandbox.advance_clock(600)


def wrong_share(sandbox: SandboxControl) -> None:
    """A canary that runs at another share than it is configured for."""
    put_off(sandbox, ROUTE)


def slow_canary(sandbox: SandboxControl) -> None:
    """A canary that serves for ten minutes, and far too slowly."""
    sandbox.set_canary(ROUTE, 20)
    sandbox.profile(ROUTE, canary={"p95_latency_ms": 9000})
    sandbox.advance_clock(600)


def slow(sandbox: SandboxControl) -> None:
    """Whenever the canary serves, it is far too slow."""
    sandbox.profile(ROUTE, canary={"p95_latency_ms": 9000})


def recovered_canary(sandbox: SandboxControl) -> None:
    """Auto-rollback pulled a canary, and what it was pulled for is over."""
    sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)


def pulled_canary(sandbox: SandboxControl) -> None:
    """Auto-rollback pulled a canary soon after a deployment."""
    sandbox.roll_back(ROUTE, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)
    sandbox.seed_github(GitHubSeed(runs=(SeededRun(id=8, minutes_ago=12),)))


def pull(sandbox: SandboxControl, route: str) -> None:
    """Let auto-rollback pull the canary of a page for a breach that is over."""
    sandbox.roll_back(route, "p95_latency_ms", observed=6200, threshold=5000, minutes_ago=10)


def put_off(sandbox: SandboxControl, route: str) -> None:
    """Let the canary of a page run at another share than it is configured for."""
    sandbox.set_canary(route, 20)
    sandbox.by_hand("canary/update", {"route": route, "enabled": True, "percentage": 35})


def overdue(sandbox: SandboxControl) -> None:
    """One exemption is past its date."""
    sandbox.exemptions(OVERDUE, SOON, LATER)


def hasty(sandbox: SandboxControl) -> None:
    """CCT's cleanup takes one that has days left as well."""
    sandbox.exemptions(OVERDUE, SOON, LATER, hasty_days=10)


def lost_list(sandbox: SandboxControl) -> None:
    """CCT lost its list of exemptions, so it counts none."""
    sandbox.exemptions(OVERDUE, SOON, LATER, list_lost=True)


def warning(sandbox: SandboxControl) -> None:
    """Exemptions that the weekly report warns of."""
    overdue(sandbox)
    sandbox.seed_github(GitHubSeed())


def issues_are_closed(sandbox: SandboxControl) -> None:
    """Somebody closes every new issue at once."""
    sandbox.seed_github(GitHubSeed(bot_closes_issues=True))


def deployments_fail(sandbox: SandboxControl) -> None:
    """Whatever is deployed from now on fails."""
    runs = (SeededRun(id=8, minutes_ago=12),)
    sandbox.seed_github(GitHubSeed(runs=runs, dispatched_conclusion="failure"))


def small_limit(sandbox: SandboxControl) -> None:
    """Two people ask for more than the limit allows."""
    sandbox.demand("ann", 60, refusals=5)
    sandbox.demand("ben", 70, refusals=9)


def ask_too_much(sandbox: SandboxControl, limit: str) -> None:
    """Let two people ask for more than a limit of this class allows, and not for many times it."""
    allowed = sandbox.state().rate_limits.limits[limit].max_requests
    sandbox.demand("ann", 1.2 * allowed, refusals=5, limit=limit)
    sandbox.demand("ben", 1.4 * allowed, refusals=9, limit=limit)


def failed_validation(own: dict[str, Any], **more: Any) -> GitHubSeed:
    """The last deployment failed, for this summary."""
    files = {"test-summary-schema.json": json.dumps(SCHEMA), "test-summary.json": json.dumps(own)}
    return GitHubSeed(files=files, runs=(SeededRun(id=8, conclusion="failure"),), **more)


def new_field(sandbox: SandboxControl) -> None:
    """The summary has a field that the schema does not know."""
    sandbox.seed_github(failed_validation(summary() | {"coverage": 81}))


def pulls_are_closed(sandbox: SandboxControl) -> None:
    """And somebody closes every new pull request at once."""
    sandbox.seed_github(failed_validation(summary() | {"coverage": 81}, bot_closes_pulls=True))


def wrong_summary(sandbox: SandboxControl) -> None:
    """The summary says its conclusion in another word."""
    sandbox.seed_github(failed_validation(summary() | {"conclusion": "PASS"}))


def summary_pulls_are_closed(sandbox: SandboxControl) -> None:
    """And somebody closes every new pull request at once."""
    sandbox.seed_github(
        failed_validation(summary() | {"conclusion": "PASS"}, bot_closes_pulls=True)
    )


def starved_user(sandbox: SandboxControl) -> None:
    """One user is refused although asking for little."""
    sandbox.demand("ann", 30, starved=True)


def starved_users(sandbox: SandboxControl) -> None:
    """Two users are refused although asking for little."""
    starved_user(sandbox)
    sandbox.demand("ben", 30, starved=True)


def unmonitored(sandbox: SandboxControl) -> None:
    """CCT's monitor records no breach."""
    sandbox.chaos(monitored=False)


def awake(sandbox: SandboxControl) -> None:
    """Auto-rollback pulls a canary that breaches for a second."""
    sandbox.chaos(rolls_back_after_seconds=1)


def asleep(sandbox: SandboxControl) -> None:
    """Auto-rollback takes an hour, as if it slept."""
    sandbox.chaos(rolls_back_after_seconds=3600)


def strange_fault(
    sandbox: SandboxControl, ttl_seconds: int = 600, fault_id: str = "theirs"
) -> None:
    """Somebody else's fault is in effect."""
    fault = {"id": fault_id, "mode": "latency", "latency_ms": 1, "error_percent": 0}
    sandbox.by_hand("chaos/faults", fault | {"timeout_percent": 0, "ttl_seconds": ttl_seconds})


def leave_a_fault(sandbox: SandboxControl) -> None:
    """Somebody else's fault is in effect, for a minute."""
    strange_fault(sandbox, ttl_seconds=60, fault_id="left-by-somebody")


def canary_on(sandbox: SandboxControl) -> None:
    """Switch the canary on as it was."""
    sandbox.set_canary(ROUTE, 20)


def stricter_rules(sandbox: SandboxControl) -> None:
    """Set one threshold lower than it is now."""
    sandbox.by_hand("canary/config", {"slo_thresholds": {"p95_latency_ms": 4000}})


def auto_rollback_on(sandbox: SandboxControl) -> None:
    """Let CCT pull canaries again."""
    sandbox.by_hand("canary/enable-auto-rollback")


def wrong_counts(sandbox: SandboxControl) -> None:
    """Let the exemption report count what is not there."""
    sandbox.exemptions(OVERDUE, SOON, LATER, count_drift=3)


def validation_is_strict(sandbox: SandboxControl) -> None:
    """Let summaries be validated strictly, by the variable that says how."""
    sandbox.set_variable("SCHEMA_VALIDATION_MODE", "strict")
