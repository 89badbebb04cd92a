"""A review as one page, which opens offline: nothing of it comes from anywhere else."""

from __future__ import annotations

from datetime import datetime

from cct_ops.models.account import AccountOf
from cct_ops.models.review import LessonKind, Review
from cct_ops.record.page import pages


def render(review: Review, written_at: datetime) -> str:
    """Return the page; what came from outside is text in it and nothing else."""
    account = review.account
    return (
        pages("review")
        .get_template("review.html.j2")
        .render(
            review=review,
            account=account,
            incident=account.about is AccountOf.INCIDENT,
            written_at=written_at,
            kinds=list(LessonKind),
            today=written_at.date(),
        )
    )
