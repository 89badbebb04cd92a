"""
Labels beyond those without which an event is not understood: what rules match and take values from.

They are taken where the payload has them. What is no plain text or number becomes no label: nothing
else of it may reach a rule, and the event itself is understood without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cct_ops.gateway.senders.parsed_delivery import UnknownShape
from cct_ops.gateway.senders.strict_json import Json, as_text, follow

MOST_DETAILS = 50
MOST_CHARACTERS = 1000

_WORKFLOW = {
    "workflow": ("workflow_run.name", "workflow.name"),
    "workflow_path": ("workflow_run.path", "workflow.path"),
    "event": ("workflow_run.event",),
    "branch": ("workflow_run.head_branch",),
    "sha": ("workflow_run.head_sha",),
    "title": ("workflow_run.display_title",),
    "actor": ("workflow_run.triggering_actor.login", "workflow_run.actor.login"),
    "run_id": ("workflow_run.id",),
    "attempt": ("workflow_run.run_attempt",),
}
_GITHUB = {
    "workflow_run": _WORKFLOW | {"conclusion": ("workflow_run.conclusion",)},
    "check_run": {
        "check": ("check_run.name",),
        "app": ("check_run.app.slug", "check_run.check_suite.app.slug"),
        "branch": ("check_run.check_suite.head_branch",),
        "sha": ("check_run.head_sha",),
        "conclusion": ("check_run.conclusion",),
    },
    "deployment_status": _WORKFLOW
    | {
        "environment": ("deployment.environment", "deployment_status.environment"),
        "ref": ("deployment.ref",),
        "sha": ("deployment.sha",),
        "task": ("deployment.task",),
        "actor": ("deployment_status.creator.login", "deployment.creator.login"),
        "conclusion": ("deployment_status.state",),
    },
}

_PAGERDUTY = {
    "incident_key": ("incident_key",),
    "service_id": ("service.id",),
    "escalation_policy": ("escalation_policy.summary",),
    "incident_type": ("incident_type.name",),
    "component": ("component",),
    "group": ("group",),
    "class": ("class",),
}
# PagerDuty's common event format has two names for each.
_CEF = {
    "component": ("cef_details.source_component", "cef_details.component", "details.component"),
    "group": ("cef_details.service_group", "cef_details.group", "details.group"),
    "class": ("cef_details.event_class", "cef_details.class", "details.class"),
}
# Where PagerDuty puts what the monitoring system said, in the forms that it has for it.
_SAID = ("body", "first_trigger_log_entry.channel", "alerts[0].body")


def of_github(event: str, document: Json) -> dict[str, str]:
    """Return what an event says about the workflow, check or deployment that it is about."""
    found = _found(document, _GITHUB.get(event, {}))
    if path := found.get("workflow_path", "").partition("@")[0]:
        found |= {"workflow_path": path, "workflow_file": path.rpartition("/")[2]}
        found.setdefault("workflow", path)
    return found


def of_pagerduty(incident: Json) -> dict[str, str]:
    """Return what an incident says about itself, and what its alert said where that is in it."""
    found: dict[str, str] = {}
    for said in (_follow(incident, place) for place in _SAID):
        found |= _found(said, _CEF)
        for place in ("details", "cef_details.details", "details.custom_details"):
            found |= _details("detail", _follow(said, place))
    found |= _details("detail", _follow(incident, "custom_details"))
    fields = _follow(incident, "custom_fields")
    if isinstance(fields, list):
        found |= _details(
            "field", {str(_follow(each, "name")): _follow(each, "value") for each in fields}
        )
    return found | _found(incident, _PAGERDUTY)


def _found(document: Json, wanted: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return, for each label, the first of its places where something stands."""
    found: dict[str, str] = {}
    for name, paths in wanted.items():
        texts = (_plain(_follow(document, path)) for path in paths)
        if text := next((each for each in texts if each), None):
            found[name] = text
    return found


def _details(prefix: str, said: Json) -> dict[str, str]:
    """Return a sender's own names and values as labels whose names need no quotes in a rule."""
    if not isinstance(said, Mapping):
        text = _plain(said)
        return {} if text is None else {prefix: text}
    plain = {
        re.sub(r"\W", "_", f"{prefix}_{name}", flags=re.ASCII): _plain(value)
        for name, value in list(said.items())[:MOST_DETAILS]
    }
    return {name: text for name, text in plain.items() if text is not None}


def _follow(document: Json, path: str) -> Json:
    """Return what stands there, None as well where parsers read it differently."""
    try:
        return follow(document, path)
    except UnknownShape:
        return None


def _plain(value: Json) -> str | None:
    """Return a text or number as text, if a person could have written it."""
    text = as_text(value)
    return text if isinstance(text, str) and 0 < len(text) <= MOST_CHARACTERS else None
