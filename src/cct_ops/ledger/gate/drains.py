"""
Whether the installation is drained: nothing new begins, and what was begun ends by itself.

Alerts are stored as ever, and what puts things back goes on. It is about our own parts, so that
people can change them; the kill switch is about CCT.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from cct_ops.ledger.clock import now
from cct_ops.ledger.gate.tables import drains, permits
from cct_ops.ledger.intake import outbox
from cct_ops.ledger.intake.tables import dispatches
from cct_ops.ledger.statements import Ledger, find, scalar, within
from cct_ops.models.base import Frozen


class Drain(Frozen):
    """The last word on whether anything new may begin, and whose it was."""

    draining: bool
    reason: str
    person: str
    at: datetime


def begin(engine: sa.Engine, reason: str, person: str) -> bool:
    """Let nothing new begin from now on; False where that was so already."""
    return _set(engine, draining=True, reason=reason, person=person)


def end(engine: sa.Engine, reason: str, person: str) -> bool:
    """Let runs begin again, and those first that wait; False where nothing was drained."""
    return _set(engine, draining=False, reason=reason, person=person)


def last(ledger: Ledger) -> Drain | None:
    """Return the last word; None where nobody ever drained it."""
    columns = [drains.c[name] for name in Drain.model_fields]
    return find(ledger, Drain, sa.select(*columns).order_by(drains.c.id.desc()).limit(1))


def standing(ledger: Ledger) -> Drain | None:
    """Return the drain that lasts; None where runs begin."""
    found = last(ledger)
    return found if found is not None and found.draining else None


def waiting(ledger: Ledger) -> int:
    """Count the alerts that are stored, and whose runs begin when the drain ends."""
    pending = dispatches.c.state == "pending", dispatches.c.purpose == outbox.REMEDIATE
    return scalar(ledger, sa.select(sa.func.count()).where(*pending)) or 0


def permits_open(ledger: Ledger) -> int:
    """Count the permits under which something may still be changed."""
    live = permits.c.closed_at.is_(None), permits.c.expires_at > now()
    return scalar(ledger, sa.select(sa.func.count()).where(*live)) or 0


def _set(engine: sa.Engine, *, draining: bool, reason: str, person: str) -> bool:
    def turn(tx: sa.Connection) -> bool:
        tx.execute(sa.text("lock table drains in share row exclusive mode"))
        if (standing(tx) is not None) is draining:
            return False
        tx.execute(sa.insert(drains).values(draining=draining, reason=reason, person=person))
        outbox.wake(tx)
        return True

    return within(engine, turn)
