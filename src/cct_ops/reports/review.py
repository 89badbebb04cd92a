"""The post-incident review in Markdown: the runbook's ten sections, as far as the record has it."""

from __future__ import annotations

from datetime import datetime

from cct_ops.models.account import AccountOf, EntryKind
from cct_ops.models.review import LessonKind, Review
from cct_ops.reports.render import render
from cct_ops.typed import typed

BLANK = "**To be filled in by people:**"


def review(found: Review, written_at: datetime, picture: str | None = None) -> str:
    """
    Render it; the runs lead to their pages where the account has their links.

    ``picture`` is the address of the timeline as an image, where there is one.
    """
    return render(
        "review.md.j2",
        review=found,
        account=found.account,
        incident=found.account.about is AccountOf.INCIDENT,
        title=title(found),
        written_at=written_at,
        kinds=list(LessonKind),
        today=written_at.date(),
        picture=picture,
        typed=typed,
        blank=BLANK,
    )


def title(found: Review) -> str:
    """Return what the review is headed with: the alert and when, or the run."""
    account = found.account
    if account.about is AccountOf.INCIDENT:
        name = account.labels.get("alertname", "incident")
        began = next(entry.at for entry in account.entries if entry.kind is EntryKind.BEGAN)
        return f"{name} of {began:%Y-%m-%d %H:%M} UTC"
    return account.runs[0].name
