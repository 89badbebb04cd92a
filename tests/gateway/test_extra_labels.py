"""What rules can match, and make parameters of, in the events of GitHub and PagerDuty."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from cct_ops.controller.parameters import convert
from cct_ops.controller.routes import Routes
from cct_ops.gateway.senders import kinds
from tests.gateway.signing import PAYLOADS, SOURCES, Sent, sign


def labels(name: str, body: bytes, event: str = "") -> Mapping[str, str]:
    """Return the labels of the newest alert of a body."""
    headers = {"x_github_event": event} if event else {}
    request = Sent(SOURCES[name], sign(name, body), body).but(**headers)
    return kinds.read(request.received, request.source).alerts[-1].labels


def workflow_run(**changes: object) -> bytes:
    """Return an event as GitHub publishes it, where the name of a run may be empty."""
    run = {
        "id": 289782451,
        "name": "",
        "conclusion": "failure",
        "event": "repository_dispatch",
        "head_branch": "master",
        "head_sha": "3484a3f",
        "display_title": "build(test): check the payload",
        "run_attempt": 2,
        "updated_at": "2020-10-05T16:33:40Z",
    }
    workflow = {"id": 2823525, "name": "test", "path": ".github/workflows/test.yml"}
    content = {
        "action": "completed",
        "repository": {"id": 300029405, "full_name": "octo-org/octo-repo"},
        "workflow": workflow,
        "workflow_run": run | changes,
    }
    return json.dumps(content).encode()


def test_a_workflow_run_without_a_name_has_that_of_its_workflow() -> None:
    found = labels("github", workflow_run(), "workflow_run")

    assert found == {
        "alertname": "WorkflowRunFailed",
        "repository": "octo-org/octo-repo",
        "workflow": "test",
        "workflow_path": ".github/workflows/test.yml",
        "workflow_file": "test.yml",
        "branch": "master",
        "event": "repository_dispatch",
        "conclusion": "failure",
        "title": "build(test): check the payload",
        "sha": "3484a3f",
        "run_id": "289782451",
        "attempt": "2",
    }


def test_a_workflow_is_known_by_its_file_whatever_it_is_called() -> None:
    """The run's own path counts, without the branch that GitHub puts behind it."""
    content = json.loads(workflow_run(name="Deploy 🚀", path=".github/workflows/deploy.yml@main"))
    del content["workflow"]
    found = labels("github", json.dumps(content).encode(), "workflow_run")

    assert found["workflow"] == "Deploy 🚀"
    assert found["workflow_path"] == ".github/workflows/deploy.yml"
    assert found["workflow_file"] == "deploy.yml"

    del content["workflow_run"]["name"]
    nameless = labels("github", json.dumps(content).encode(), "workflow_run")
    assert nameless["workflow"] == ".github/workflows/deploy.yml"


def test_any_workflow_of_github_can_start_a_playbook() -> None:
    """By its file, as the playbook wants it."""
    rule = {
        "name": "validation-failed",
        "match": ['alertname="WorkflowRunFailed"', 'branch="master"', 'event!="schedule"'],
        "playbook": "schema-validation",
        "mode": "approve",
        "parameters": {
            "target": {"type": "string", "label": "workflow_file", "pattern": "[a-z]+[.]ya?ml"},
            "run_id": {"type": "integer", "label": "run_id", "minimum": 1, "maximum": 10**15},
        },
    }
    routes = Routes.model_validate({"rules": [rule, {"name": "rest", "notify": True}]})
    found = labels("github", workflow_run(), "workflow_run")

    assert convert(routes.rule_for("github", found).parameters, found) == {
        "target": "test.yml",
        "run_id": 289782451,
    }


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the captured bodies are not beside the checkout")
def test_a_published_check_run_says_which_check_of_which_app_and_branch() -> None:
    body = (PAYLOADS / "github" / "check_run-completed-failure.json").read_bytes()
    found = labels("github", body, "check_run")

    assert found["check"] == "Octocoders-linter"
    assert (found["app"], found["branch"], found["conclusion"]) == (
        "github-actions",
        "changes",
        "failure",
    )


def test_a_deployment_that_a_workflow_made_says_which() -> None:
    content = {
        "action": "created",
        "repository": {"id": 1, "full_name": "o/r"},
        "deployment": {"id": 9, "environment": "production", "ref": "main", "task": "deploy"},
        "deployment_status": {"state": "failure", "created_at": "2026-11-23T12:00:00Z"},
        "workflow": {"name": "Deploy", "path": ".github/workflows/deploy.yml"},
    }
    found = labels("github", json.dumps(content).encode(), "deployment_status")

    assert found["environment"] == "production"
    assert (found["task"], found["conclusion"]) == ("deploy", "failure")
    assert (found["workflow"], found["workflow_file"]) == ("Deploy", "deploy.yml")


def incident(**changes: object) -> bytes:
    """Return an event of PagerDuty's as it is documented."""
    data = {
        "id": "PGR0VU2",
        "type": "incident",
        "status": "triggered",
        "incident_key": "canary:/daily-summary",
        "title": "CanaryRolledBack on /daily-summary",
        "service": {"id": "PF9KMXH", "summary": "API Service"},
        "escalation_policy": {"id": "PUS0KTE", "summary": "Default"},
        "priority": {"id": "PSO75BM", "summary": "P1"},
        "urgency": "high",
    }
    event = {
        "id": "5ac64822",
        "event_type": "incident.triggered",
        "occurred_at": "2020-10-02T18:45:22.169Z",
        "data": data | changes,
    }
    return json.dumps({"event": event}).encode()


@pytest.mark.parametrize(
    ("label", "pattern"), [("title", "CanaryRolledBack on (.*)"), ("incident_key", "canary:(.*)")]
)
def test_an_incident_of_pagerduty_can_name_a_route(label: str, pattern: str) -> None:
    """Its events carry no alert, so a route is a part of what they do carry."""
    rule = {
        "name": "rolled-back",
        "match": ['service_id="PF9KMXH"', 'priority="P1"', 'escalation_policy="Default"'],
        "playbook": "auto-rollback",
        "mode": "approve",
        "parameters": {"target": {"type": "route", "label": label, "pattern": pattern}},
    }
    routes = Routes.model_validate({"rules": [rule, {"name": "rest", "notify": True}]})
    found = labels("pagerduty", incident())

    parameters = routes.rule_for("pagerduty", found).parameters
    assert convert(parameters, found) == {"target": "/daily-summary"}


CEF = {
    "source_component": "canary",
    "service_group": "pages",
    "event_class": "slo",
    "details": {"route": "/daily-summary", "p95 ms": 900},
}


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("body", {"details": CEF["details"], "cef_details": CEF}),
        ("body", {"cef_details": CEF}),
        ("first_trigger_log_entry", {"channel": {"details": CEF["details"], "cef_details": CEF}}),
        ("alerts", [{"body": {"cef_details": CEF}}]),
    ],
)
def test_what_the_alert_said_is_there_where_the_payload_has_it(where: str, said: object) -> None:
    """In each form that PagerDuty has for it; names become ones that need no quotes."""
    found = labels("pagerduty", incident(**{where: said}))

    assert found["detail_route"] == "/daily-summary"
    assert found["detail_p95_ms"] == "900"
    assert (found["component"], found["group"], found["class"]) == ("canary", "pages", "slo")


def test_fields_of_ones_own_are_labels_of_an_incident() -> None:
    fields = [{"name": "route", "value": "/daily-summary"}, {"name": "several", "value": ["x"]}]
    found = labels("pagerduty", incident(custom_fields=fields, body={"details": "in words"}))

    assert found["field_route"] == "/daily-summary"
    assert found["detail"] == "in words"
    assert "field_several" not in found


PLANTED = {"__prefect_kind": "jinja", "template": "{{ 7 * 7 }}"}


@pytest.mark.parametrize("odd", [PLANTED, [PLANTED], None, "", "x" * 1001])
def test_an_odd_detail_becomes_no_label_and_the_event_stands(odd: object) -> None:
    """What is no plain text or number reaches no rule."""
    body = {"details": {"route": odd, "": "x"}, "cef_details": odd}
    changes = {"body": body, "custom_fields": odd, "alerts": odd, "incident_key": odd}
    found = labels("pagerduty", incident(**changes))
    assert found["title"] == "CanaryRolledBack on /daily-summary"
    assert {"detail_route", "field_route", "incident_key"} & found.keys() == set()

    run = labels("github", workflow_run(event=odd, display_title=odd), "workflow_run")
    assert run["workflow"] == "test"
    assert {"event", "title"} & run.keys() == set()
