"""Tables and charts of a run, beside its report."""

from __future__ import annotations

from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact

from cct_ops.diagnoses.exemption_cleanup import CleanupDiagnosis
from cct_ops.diagnoses.exemption_weekly import MOST_PER_OWNER, WeeklyDiagnosis
from cct_ops.gate.gate import Decision
from cct_ops.models.run import Outcome
from cct_ops.reports.chart import bar_chart, data_uri
from cct_ops.reports.exemptions import exemption_rows, issue_body, issue_command, upcoming_rows
from cct_ops.reports.render import fenced
from tasks.connections import current_run
from tasks.notify import notify_expired
from tasks.showing import showing


def publish_expired(decision: Decision, diagnosis: CleanupDiagnosis) -> None:
    """Show which exemptions expired, or would have, and notify their owners in one message."""
    done = decision.permit is not None
    with showing("What expired"):
        create_table_artifact(
            key="exemption-cleanup-expired",
            table=exemption_rows(diagnosis.overdue),
            description="Marked as expired." if done else "Past their date, and not marked.",
        )
    notify_expired(current_run(), diagnosis.target, diagnosis.overdue, done=done)


def publish_weekly(diagnosis: WeeklyDiagnosis) -> None:
    """Show what ends soon as a table and whose exemptions there are as a chart."""
    weekly = diagnosis.weekly
    create_table_artifact(
        key="exemption-weekly-report-upcoming",
        table=upcoming_rows(weekly),
        description="Active exemptions that end within 30 days; past ones first.",
    )
    owners = [(each.owner, each.count) for each in weekly.by_owner]
    create_image_artifact(
        key="exemption-weekly-report-owners",
        image_url=data_uri(bar_chart("Active exemptions by owner", owners, MOST_PER_OWNER)),
        description=f"Active exemptions by owner; more than {MOST_PER_OWNER} are red.",
    )
    if diagnosis.outcome is Outcome.RECOMMENDED:
        create_markdown_artifact(
            key="exemption-weekly-report-issue",
            markdown=f"# {diagnosis.title}\n\n{issue_body(diagnosis)}\n\nOpen the issue with:\n\n"
            f"{fenced(issue_command(diagnosis))}",
            description="The issue that this week deserves, with the command that opens it.",
        )
