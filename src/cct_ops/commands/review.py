"""``cct-ops review``: the post-incident review of one incident, or of one run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cct_ops.commands.incident import of, write
from cct_ops.commands.options import AnyId, Html, Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import console, say, say_json

if TYPE_CHECKING:
    import sqlalchemy as sa

    from cct_ops.models.review import Review


def review(wanted: AnyId, *, as_json: Json = False, html: Html = None) -> int:
    """
    Review an incident in the runbook's ten sections, with blanks for what only people know.

    It changes nothing. Into a file or a pipe it is written in Markdown.
    """
    from cct_ops.commands.here import ledger
    from cct_ops.ledger import clock

    engine = ledger()
    found, now = _of(engine, wanted), clock.read(engine)
    if html is not None:
        from cct_ops.record.review.page import render

        write(html, render(found, now))
        say(f"the review of {found.account.title} is in {html}", stderr=as_json)
    if as_json:
        say_json(found.model_dump(mode="json"))
    elif html is None:
        from cct_ops.reports.review import review as in_markdown

        _show(in_markdown(found, now))
    return 0


def _of(engine: sa.Engine, wanted: str) -> Review:
    """Return the review that is meant; raises ``BadConfiguration`` where there is none."""
    from cct_ops.models.account import AccountOf
    from cct_ops.record.review import reading
    from cct_ops.reports.links import run_link

    account = of(engine, wanted)
    if account.about is AccountOf.DELIVERY:
        raise BadConfiguration(
            f"delivery {account.id} led to no incident, so there is nothing to review;"
            f" `cct-ops incident {account.id}` tells what became of it"
        )
    found = reading.read(engine, account.id, run_link)
    assert found is not None  # noqa: S101 -- its account was there a moment ago, and stays
    return found


def _show(text: str) -> None:
    """Print Markdown: laid out for a person's screen, as it is for everything else."""
    if not sys.stdout.isatty():
        for line in text.splitlines():
            # What others wrote must be no command to a CI system; a heading is none.
            begins = line.lstrip().startswith(("::", "##["))
            sys.stdout.write(f"\\{line}\n" if begins else f"{line}\n")
        return
    from rich.markdown import Markdown

    console().print(Markdown(text, hyperlinks=False), soft_wrap=False)
