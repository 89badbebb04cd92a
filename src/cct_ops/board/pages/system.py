"""System: our own parts, what waits in which queue and since when, and the last checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from cct_ops.board.page import Asked, Board, Page
from cct_ops.ledger import set_aside
from cct_ops.ledger.intake import inbox
from cct_ops.ledger.people import heartbeats, pages, pauses
from cct_ops.ledger.people.heartbeats import Heard
from cct_ops.ledger.people.pages import Paged
from cct_ops.ledger.record import backups, log
from cct_ops.ledger.record.backups import Backup
from cct_ops.ledger.set_aside import SetAside
from cct_ops.models.base import Frozen
from cct_ops.record import queues
from cct_ops.record.queues import Checkpointed, Queue

SHOWN_PAGES = 10


class System(Frozen):
    """Everything on the page."""

    parts: tuple[Heard, ...]
    paused: tuple[str, ...]
    queues: tuple[Queue, ...]
    backlog: Mapping[str, int]
    set_aside: tuple[SetAside, ...]
    paged: tuple[Paged, ...]
    checkpoint: Checkpointed | None
    leaves_waiting: int
    backup: Backup | None
    version: str
    revision: str


def read(board: Board, asked: Asked) -> System:
    """Read it from the ledger: a part that is down does not keep the page away."""
    engine = board.engine
    return System(
        parts=tuple(heartbeats.heard(engine)),
        paused=tuple(pauses.notified(engine)),
        queues=tuple(queues.read(engine)),
        backlog=inbox.count_backlog(engine),
        set_aside=tuple(set_aside.listed(engine)),
        paged=tuple(pages.newest(engine, SHOWN_PAGES)),
        checkpoint=queues.last_checkpoint(engine),
        leaves_waiting=log.waiting(engine),
        backup=backups.newest(engine),
        version=version("cct-ops"),
        revision=queues.revision(engine) or "none",
    )


PAGE = Page("system", "System", "/system", read)
