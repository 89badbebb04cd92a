"""Tables and charts of a run, beside its report."""

from __future__ import annotations

from prefect.artifacts import create_table_artifact

from cct_ops.models.exemption_cleanup import CleanupDiagnosis
from cct_ops.reports.exemptions import exemption_rows
from tasks.authorise import Decision
from tasks.connections import current_run
from tasks.notify import tell_expired


def publish_expired(decision: Decision, diagnosis: CleanupDiagnosis) -> None:
    """Show which exemptions expired, or would have, and tell their owners in one message."""
    done = decision.permit is not None
    create_table_artifact(
        key="exemption-cleanup-expired",
        table=exemption_rows(diagnosis.overdue),
        description="Marked as expired." if done else "Past their date, and not marked.",
    )
    tell_expired(current_run(), diagnosis.overdue, done=done)
