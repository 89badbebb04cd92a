"""Incidents: those that are open, by severity or because nobody has them; and all there were."""

from __future__ import annotations

from cct_ops.board.page import Asked, Board, Page
from cct_ops.models.base import Frozen
from cct_ops.record import incidents as all_incidents, standing
from cct_ops.record.incidents import Filters, Listed
from cct_ops.record.standing import Open, Wanted

SHOWN = 100


class Incidents(Frozen):
    """Those that fulfil the filters: the open ones, or of all there were the newest."""

    open: Open | None
    listed: tuple[Listed, ...]
    state: str
    severity: str | None
    unclaimed: bool


def read(board: Board, asked: Asked) -> Incidents:
    """Read the open ones unless the address asks for all."""
    severity, unclaimed = asked.filter("severity"), asked.filter("who") == "nobody"
    if asked.filter("state") == "all":
        found = all_incidents.newest(board.engine, SHOWN, Filters())
        return Incidents(
            open=None, listed=tuple(found), state="all", severity=None, unclaimed=False
        )
    standing_now = standing.urgent(
        board.engine, board.contacts().severities, SHOWN, Wanted(severity, unclaimed)
    )
    return Incidents(
        open=standing_now, listed=(), state="open", severity=severity, unclaimed=unclaimed
    )


PAGE = Page("incidents", "Incidents", "/incidents", read)
