"""``cct-ops pages``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cct_ops.commands.options import Json
from cct_ops.terminal import columns, show

if TYPE_CHECKING:
    from cct_ops.ledger.people.pages import Page

_COLUMNS = columns(
    raised_at="raised (UTC)",
    page="page",
    reached="reached",
    why="why",
    in_vain="tried in vain",
    about="about",
)


def pages(
    *,
    limit: Annotated[int, Parameter(help="How many pages, the newest first.")] = 20,
    as_json: Json = False,
) -> int:
    """Show who was paged about what, who could not be reached, and what nobody has taken yet."""
    from cct_ops.commands.here import ledger
    from cct_ops.ledger import ids
    from cct_ops.ledger.people import pages as kept

    engine = ledger()
    found = kept.newest(engine, limit)
    about = [paged.page.topic_id for paged in found if paged.page.topic_id is not None]
    rows = [
        {
            "raised_at": paged.page.raised_at,
            "page": paged.page.subject,
            "reached": _reached(paged.page),
            "why": next((each.why for each in paged.attempts if each.reached), None),
            "in_vain": "; ".join(
                dict.fromkeys(
                    f"{each.contact} ({each.way}): {each.note or 'not known'}"
                    for each in paged.attempts
                    if not each.reached
                )
            ),
            "about": paged.page.topic_id,
        }
        for paged in found
    ]
    short = ids.shortened(engine, about, *ids.WHATEVER)
    show(_COLUMNS, rows, as_json=as_json, short=short, empty="Nobody was paged.")
    return 0


def _reached(page: Page) -> str:
    if page.contact is not None:
        return f"{page.contact} at {page.ended_at:%H:%M:%S}"
    return page.note or "nobody yet"
