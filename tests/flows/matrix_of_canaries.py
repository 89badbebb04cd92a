"""What the playbooks about canaries are held to."""

from __future__ import annotations

from tests.flows import faulty, meddling
from tests.flows.row import End, Row, Spoilt

ROUTE = {"target": faulty.ROUTE.value}
UNSEEN = "by auto-rollback or by a person: CCT notes the same for both; this CCT does not offer"

AUTO_ROLLBACK = [
    Row(
        "auto-rollback",
        faulty.pulled_canary,
        faulty.canary,
        option="restore",
        parameters=ROUTE,
        acts=End("Resolved", "p95", ("POST canary/reset",), stands=True),
        spoilt=Spoilt(
            End("Undone", "p95 latency is 9000 ms", ("POST canary/reset", "POST canary/disable")),
            faulty.slow,
        ),
        mounted=End("Blocked", UNSEEN),
    ),
    Row(
        "auto-rollback",
        faulty.pulled_canary,
        faulty.deployments,
        option="redeploy",
        parameters={**ROUTE, "option": "redeploy"},
        asks=True,
        acts=End("Resolved", "deploy.yml", ("POST actions/workflows",), stands=True),
        spoilt=Spoilt(
            End("Failed", "deploy.yml", ("POST actions/workflows",), stands=True),
            faulty.deployments_fail,
        ),
        mounted=End("Blocked", "So nothing was deployed either."),
    ),
    Row(
        "auto-rollback",
        faulty.pulled_canary,
        faulty.rules,
        option="raise-thresholds",
        parameters={
            **ROUTE,
            "option": "raise-thresholds",
            "limits": {"p95_latency_ms": 9000},
            "minutes": 30,
        },
        asks=True,
        acts=End("Resolved", "9000 ms", ("POST canary/config",), stands=True),
        spoilt=Spoilt(
            End(
                "Undone",
                "set_slo_thresholds",
                ("POST canary/config", "POST canary/config", "POST canary/config"),
            ),
            meddle=meddling.stricter_rules,
        ),
        mounted=End("Blocked", "Its thresholds are constants, which nothing can raise."),
    ),
    Row(
        "auto-rollback",
        faulty.pulled_canary,
        faulty.rules,
        option="disable-auto-rollback",
        parameters={**ROUTE, "option": "disable-auto-rollback", "minutes": 30},
        asks=True,
        acts=End("Resolved", "Auto-rollback is off", ("POST canary/disable-auto-rollback",), True),
        spoilt=Spoilt(
            End(
                "Undone",
                "disable_auto_rollback",
                (
                    "POST canary/disable-auto-rollback",
                    "POST canary/enable-auto-rollback",
                    "POST canary/enable-auto-rollback",
                ),
            ),
            meddle=meddling.auto_rollback_on,
        ),
        mounted=End("Blocked", "Its auto-rollback has no switch."),
    ),
]

CANARY_ISSUE = [
    Row(
        "canary-issue",
        faulty.wrong_share,
        faulty.canary,
        option="reset",
        parameters={**ROUTE, "fix": "reset"},
        acts=End("Resolved", "p95", ("POST canary/reset",), stands=True),
        spoilt=Spoilt(
            End("Undone", "p95 latency is 9000 ms", ("POST canary/reset", "POST canary/update")),
            faulty.slow,
        ),
        mounted=End("Blocked", "Not reset: this CCT offers no reset"),
    ),
    Row(
        "canary-issue",
        faulty.slow_canary,
        faulty.canary,
        option="disable",
        parameters={**ROUTE, "fix": "disable"},
        acts=End("Resolved", "is off", ("POST canary/disable",), stands=True),
        spoilt=Spoilt(
            # Somebody switched it on: that is no reason for us to do so.
            End("Unverified", "because it lowers risk", ("POST canary/disable",)),
            meddle=meddling.canary_on,
        ),
        mounted=End("Resolved", "is off", ("POST canary/disable",), stands=True),
    ),
    Row(
        "canary-issue",
        faulty.good_canary,
        faulty.canary,
        option="promote",
        parameters={**ROUTE, "fix": "promote"},
        asks=True,
        acts=End("Resolved", "p95", ("POST canary/promote",), stands=True),
        spoilt=Spoilt(
            End("Undone", "p95 latency is 9000 ms", ("POST canary/promote", "POST canary/update")),
            faulty.slow,
        ),
        mounted=End("Blocked", "Not promoted: this CCT measures no traffic"),
    ),
]
