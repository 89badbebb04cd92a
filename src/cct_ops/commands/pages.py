"""``cct-ops pages``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from cct_ops.ledger.pages import Page, PageAttempt


def pages(
    *, limit: Annotated[int, Parameter(help="How many pages, the newest first.")] = 20
) -> int:
    """Show who was paged about what, who could not be reached, and what nobody has taken yet."""
    from cct_ops.commands.here import ledger
    from cct_ops.ledger import pages as kept

    table = Table("raised (UTC)", "page", "reached", "tried in vain", box=None)
    for paged in kept.newest(ledger(), limit):
        page = paged.page
        table.add_row(
            f"{page.raised_at:%Y-%m-%d %H:%M:%S}",
            Text(page.subject),
            Text(_reached(page)),
            Text(
                "; ".join(
                    dict.fromkeys(_in_vain(each) for each in paged.attempts if not each.reached)
                )
            ),
        )
    Console(soft_wrap=True, highlight=False).print(table)
    return 0


def _reached(page: Page) -> str:
    if page.contact is not None:
        return f"{page.contact} at {page.ended_at:%H:%M:%S}"
    return page.note or "nobody yet"


def _in_vain(attempt: PageAttempt) -> str:
    return f"{attempt.contact} ({attempt.way}): {attempt.note}"
