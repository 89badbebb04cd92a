"""Exemptions for people."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from cct_ops.diagnoses.exemption_weekly import WeeklyDiagnosis
from cct_ops.models.cct_exemptions import Exemption, WeeklyReport
from cct_ops.reports.render import escape

MOST_ROWS = 20


def exemption_rows(exemptions: Iterable[Exemption]) -> list[dict[str, str]]:
    """Make the rows of a table: what it is about, whose it is, and since when it is over."""
    return [
        {
            "JIRA": escape(each.jira_reference),
            "Owner": escape(each.owner),
            "File": escape(f"{each.file}:{each.line}"),
            "Pattern": escape(each.pattern),
            "Ended": escape(each.expiration_date),
        }
        for each in exemptions
    ]


def upcoming_rows(weekly: WeeklyReport) -> list[dict[str, str]]:
    """Make the rows of a table of what ends soon, soonest first."""
    return [
        {
            "JIRA": escape(each.jira_reference),
            "Owner": escape(each.owner),
            "File": escape(f"{each.file}:{each.line}"),
            "Days left": str(each.days_until_expiration),
            "Ends": escape(each.expiration_date),
        }
        for each in sorted(weekly.upcoming_expirations, key=lambda e: e.days_until_expiration)
    ]


def issue_body(diagnosis: WeeklyDiagnosis) -> str:
    """Write the issue that a warning deserves; it holds dates, because it is read for a week."""
    reasons = "\n".join(f"- {escape(reason)}" for reason in diagnosis.reasons)
    rows = upcoming_rows(diagnosis.weekly)
    if not rows:
        return reasons
    ends = "\n".join(
        f"| {row['JIRA']} | {row['Owner']} | {row['File']} | {row['Ends']} |"
        for row in rows[:MOST_ROWS]
    )
    more = f"\n\nAnd {len(rows) - MOST_ROWS} more." if len(rows) > MOST_ROWS else ""
    return f"{reasons}\n\n| JIRA | Owner | File | Ends |\n|---|---|---|---|\n{ends}{more}"


def issue_command(diagnosis: WeeklyDiagnosis) -> str:
    """Return the exact command with which a person opens that issue."""
    title, body = shlex.quote(diagnosis.title), shlex.quote(issue_body(diagnosis))
    return f'gh issue create --repo "$GITHUB_REPOSITORY" --title {title} --body {body}'
