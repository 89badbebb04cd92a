"""Inbox: what came in, what became of it and why, and what nobody could read."""

from __future__ import annotations

from collections.abc import Mapping

from cct_ops.board.page import Action, Asked, Board, Form, Page, Visitor
from cct_ops.config import yaml_files
from cct_ops.config.sources import Sources
from cct_ops.ledger.intake import inbox as arrivals
from cct_ops.ledger.intake.inbox import Arrived
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role

SHOWN = 50


class Inbox(Frozen):
    """The newest arrivals, or those about one alert, or those that wait for somebody."""

    arrived: tuple[Arrived, ...]
    backlog: Mapping[str, int]
    unfinished: bool
    about: str


def read(board: Board, asked: Asked) -> Inbox:
    """Read what the address asks for."""
    unfinished, about = asked.filter("show") == "waiting", asked.filter("about")
    if about:
        found = list(arrivals.about(board.engine, about))[::-1][:SHOWN]
        found = [each for each in found if each.waits or not unfinished]
    else:
        found = list(arrivals.newest(board.engine, SHOWN, unfinished=unfinished))
    return Inbox(
        arrived=tuple(found),
        backlog=arrivals.count_backlog(board.engine),
        unfinished=unfinished,
        about=about or "",
    )


def reprocess(board: Board, visitor: Visitor, form: Form) -> str:
    """Read a delivery that was not understood with today's sources, and take it in."""
    from cct_ops.gateway.senders import reparse  # it brings the readers of all senders

    sources = yaml_files.load(board.settings.sources_path, Sources).sources
    delivery_id = form.id("delivery_id")
    said = reparse.reprocess(board.engine, delivery_id, sources, by=visitor.signature)
    return f"The delivery was {said}."


PAGE = Page(
    "inbox",
    "Inbox",
    "/inbox",
    read,
    actions=(Action("/inbox/{delivery_id}/reprocess", Role.RESPONDER, reprocess),),
)
