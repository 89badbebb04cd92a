"""A thousand incidents at once: what is sent, and what counts as lost."""

from __future__ import annotations

import json
from collections import Counter

from cct_ops.controller.routes import read_routes
from evaluation.benchmarks import storm
from tests.conftest import ROOT


def test_the_alerts_are_about_an_incident_each_and_of_kinds_that_the_shipped_routes_know() -> None:
    shipped = read_routes(ROOT / "deployments" / "routes.yaml")

    sent = [json.loads(each)["alerts"] for each in storm.bodies(1000)]

    labels = [alert["labels"] for alerts in sent for alert in alerts]
    rules = Counter(shipped.rule_for("alertmanager", each).name for each in labels)
    assert len({json.dumps(each, sort_keys=True) for each in labels}) == len(sent) == 1000
    assert rules == {
        "canary-rolled-back": 167,
        "slo-breach": 167,
        "canary-misbehaves": 167,
        "exemptions-overdue": 167,
        "rate-limited": 166,
        "everything-else": 166,
    }


def test_a_run_that_waits_for_a_person_is_not_lost_and_one_that_failed_or_goes_on_is() -> None:
    runs = [
        {"name": "auto-rollback /daily-summary", "state": {"type": state, "name": name}}
        for state, name in (
            ("COMPLETED", "Recommended"),
            ("COMPLETED", "Recommended"),
            ("PAUSED", "Suspended"),
            ("FAILED", "Failed"),
            ("RUNNING", "Running"),
        )
    ]

    assert storm.not_well(runs) == 2
    assert storm.ends_of(runs) == {
        "auto-rollback: Recommended": 2,
        "auto-rollback: Suspended": 1,
        "auto-rollback: Failed": 1,
        "auto-rollback: Running": 1,
    }
