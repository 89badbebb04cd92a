"""Now: what is broken, who has it, what waits for a yes, what is weakened, who is on call."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from cct_ops.board.page import Asked, Board, Page
from cct_ops.ledger import clock
from cct_ops.ledger.gate import approvals, change_ends, changes, drains, maintenance, switches
from cct_ops.ledger.gate.approvals import Pending
from cct_ops.ledger.gate.change_ends import AskedEnd
from cct_ops.ledger.gate.drains import Drain
from cct_ops.ledger.gate.switches import HeldTarget, Switched
from cct_ops.ledger.intake import inbox
from cct_ops.ledger.people import heartbeats, on_call, pauses, silences
from cct_ops.ledger.people.on_call import OnCall
from cct_ops.ledger.people.silences import Muted
from cct_ops.models.base import Frozen
from cct_ops.models.change import TemporaryChange
from cct_ops.models.maintenance import Declared
from cct_ops.record import standing
from cct_ops.record.standing import Open

SHOWN = 12


class Now(Frozen):
    """Everything on the page."""

    open: Open
    waiting: tuple[Pending, ...]
    weakened: tuple[TemporaryChange, ...]
    asked_ends: Mapping[UUID, AskedEnd]
    switched: Switched | None
    drain: Drain | None
    held: tuple[HeldTarget, ...]
    declared: tuple[Declared, ...]
    muted: tuple[Muted, ...]
    silent: tuple[str, ...]
    paused: tuple[str, ...]
    backlog: Mapping[str, int]
    on_call: tuple[OnCall, ...]


def read(board: Board, asked: Asked) -> Now:
    """Read it as of one moment, by what is open alone."""
    contacts = board.contacts()
    snapshot = board.engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with snapshot as ledger:
        weakened = changes.listed(ledger)
        return Now(
            open=standing.urgent(ledger, contacts.severities, SHOWN),
            waiting=tuple(approvals.pending(ledger)),
            weakened=tuple(weakened),
            asked_ends=change_ends.newest_asked(ledger, [each.id for each in weakened]),
            switched=switches.last(ledger),
            drain=drains.standing(ledger),
            held=tuple(switches.by_target(switches.standing(ledger))),
            declared=tuple(maintenance.standing(ledger)),
            muted=tuple(silences.standing(ledger)),
            silent=tuple(each.part for each in heartbeats.heard(ledger) if each.alarmed_at),
            paused=tuple(pauses.notified(ledger)),
            backlog=inbox.count_backlog(ledger),
            on_call=on_call.first(ledger, contacts, clock.read(ledger)),
        )


PAGE = Page("now", "Now", "/now", read)
