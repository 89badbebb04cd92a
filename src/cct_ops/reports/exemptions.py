"""Exemptions for people."""

from __future__ import annotations

from collections.abc import Iterable

from cct_ops.models.cct_exemptions import Exemption
from cct_ops.reports.render import escape


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
