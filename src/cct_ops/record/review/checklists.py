"""What the manual runbook asks people to do after an incident, by playbook."""

from __future__ import annotations

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
