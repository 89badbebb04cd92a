"""Exemptions for people: as a table, and as a message."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from cct_ops.clients.slack import escape as slack
from cct_ops.models.cct_exemptions import Exemption
from cct_ops.reports.messages import Message, message
from cct_ops.reports.render import escape

MOST_OWNERS = 20


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


def expired_message(overdue: tuple[Exemption, ...], link: str | None, *, done: bool) -> Message:
    """Say whose exemptions expired, with their JIRA references, owner by owner."""
    of_owner: dict[str, list[str]] = defaultdict(list)
    for each in overdue:
        of_owner[each.owner].append(each.jira_reference)
    lines = [
        f"• {slack(owner)}: {slack(', '.join(references))}"
        for owner, references in sorted(of_owner.items())[:MOST_OWNERS]
    ]
    if len(of_owner) > MOST_OWNERS:
        lines.append(f"• and {len(of_owner) - MOST_OWNERS} more owners")
    head = f":broom: {len(overdue)} exemptions {'expired' if done else 'are past their date'}"
    return message(head, "\n".join(lines), link)
