"""A review as one page, which opens offline: nothing of it comes from anywhere else."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup

from cct_ops.models.account import AccountOf
from cct_ops.models.review import LessonKind, Review
from cct_ops.record.page import pages
from cct_ops.record.review import picture


def render(review: Review, written_at: datetime) -> str:
    """Return the page; what came from outside is text in it and nothing else."""
    account = review.account
    return (
        pages("review", timeline=Markup(picture.STYLE))  # noqa: S704 -- our own
        .get_template("review.html.j2")
        .render(
            review=review,
            account=account,
            incident=account.about is AccountOf.INCIDENT,
            written_at=written_at,
            kinds=list(LessonKind),
            today=written_at.date(),
            wide=Markup(picture.wide(review)),  # noqa: S704 -- made by us, element by element
            narrow=Markup(picture.narrow(review)),  # noqa: S704 -- the same
        )
    )
