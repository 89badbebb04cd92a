"""The runbook's questions after an incident, and what the record adds to them."""

from __future__ import annotations

from cct_ops.ledger.record.history import Story
from cct_ops.models.run import Outcome
from cct_ops.models.topic import playbook_on

CHECKLISTS: dict[str, tuple[str, ...]] = {
    "schema-validation": (
        "Document root cause in incident ticket",
        "Update test scripts to generate compliant summaries",
        "Add additional schema tests if needed",
        "Review schema versioning strategy",
        "Create backward compatibility policy",
    ),
    "auto-rollback": (
        "Implement gradual canary rollout",
        "Add more SLO metrics",
        "Improve rollback notification system",
        "Add pre-deployment SLO validation",
        "Create canary best practices guide",
    ),
}


def checklist(story: Story) -> tuple[str, ...]:
    """Return the runbook's follow-up for the playbooks that ran, each item once."""
    playbooks = dict.fromkeys(run.playbook for run in story.runs)
    return tuple(item for each in playbooks for item in CHECKLISTS.get(each, ()))


def action_items(story: Story) -> tuple[str, ...]:
    """Return what the record itself shows to be unfinished."""
    items = []
    for run in story.runs:
        what = playbook_on(run.playbook, run.target)
        if run.known.outcome is None:
            items.append(f"Find out why {what} has not ended.")
        elif run.known.outcome.needs_attention:
            items.append(f"Find out why {what} ended as {run.known.outcome}: {run.known.reason}")
        if run.known.outcome is Outcome.RECOMMENDED:
            items.append(f"Decide about what {what} recommended.")
        items += [
            f"Look whether {act.call} took effect: no read-back showed it."
            for act in run.known.actions
            if act.confirmed_at is None
        ]
        items += [
            f"Make sure that somebody answers next time: {what} asked and nobody did."
            for asked in run.asked
            if asked.state == "expired"
        ]
    if story.incident is not None and story.incident.closed_as in {"expired", "superseded"}:
        items.append("Find out why the alert's end was never reported.")
    return tuple(items)
