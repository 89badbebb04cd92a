"""The switches that people set: the kill switch for all new changes, holds of single targets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from cct_ops.ledger.clock import now
from cct_ops.ledger.gate.tables import holds, switches
from cct_ops.ledger.statements import Ledger, execute, find, read, scalars, within
from cct_ops.models.base import Frozen


class Switched(Frozen):
    """The last word on whether anything new may be changed, and whose it was."""

    stopped: bool
    reason: str
    person: str
    at: datetime


class Hold(Frozen):
    """A target that somebody keeps automation off."""

    target: str
    reason: str
    person: str
    placed_at: datetime
    until: datetime


class HeldTarget(Frozen):
    """A target with all its holds; automation leaves it alone until the last of them is over."""

    target: str
    holds: tuple[Hold, ...]


_STANDING = (holds.c.released_at.is_(None), holds.c.until > now())


def stop(engine: sa.Engine, reason: str, person: str) -> None:
    """Let nothing new be changed from now on; what was begun is still put back."""
    _switch(engine, stopped=True, reason=reason, person=person)


def resume(engine: sa.Engine, reason: str, person: str, *, seen: Switched | None = None) -> bool:
    """
    Let changes through again.

    ``seen`` is the stop that this is to end: False, and nothing done, where it is the last no more.
    """

    def turn(tx: sa.Connection) -> bool:
        if seen is not None:
            # A stop that is on its way comes before this, and is seen, or after it, and counts.
            tx.execute(sa.text("lock table switches in share row exclusive mode"))
            if last(tx) != seen:
                return False
        _switch(tx, stopped=False, reason=reason, person=person)
        return True

    return within(engine, turn)


def hold(engine: sa.Engine, target: str, until: datetime, reason: str, person: str) -> bool:
    """Keep automation off the target until then; False if that moment is over already."""
    placed = {"target": target, "until": until, "reason": reason, "person": person}
    with engine.begin() as tx:
        if tx.execute(sa.select(now() >= until)).scalar_one():
            return False
        tx.execute(sa.insert(holds).values(placed))
    return True


def release(engine: sa.Engine, target: str, person: str) -> list[Hold]:
    """End all holds of the target; returns those that there were."""
    ended = sa.update(holds).where(holds.c.target == target, *_STANDING)
    columns = [holds.c[name] for name in Hold.model_fields]
    released = ended.values(released_at=now(), released_by=person).returning(*columns)
    return read(engine, Hold, released)


def held(engine: sa.Engine) -> list[str]:
    """Return the targets that somebody holds now."""
    standing = sa.select(holds.c.target).where(*_STANDING)
    return scalars(engine, standing.distinct().order_by(holds.c.target))


def last(ledger: Ledger) -> Switched | None:
    """Return the last turn of the kill switch; None where nobody ever touched it."""
    columns = [switches.c[name] for name in Switched.model_fields]
    return find(ledger, Switched, sa.select(*columns).order_by(switches.c.id.desc()).limit(1))


def standing(ledger: Ledger) -> list[Hold]:
    """Return the holds that stand now, the next to end first."""
    columns = [holds.c[name] for name in Hold.model_fields]
    return read(ledger, Hold, sa.select(*columns).where(*_STANDING).order_by(holds.c.until))


def by_target(found: Sequence[Hold]) -> list[HeldTarget]:
    """Return each target that is held once, with all its holds."""
    each: dict[str, list[Hold]] = {}
    for hold in found:
        each.setdefault(hold.target, []).append(hold)
    return [HeldTarget(target=target, holds=tuple(holds)) for target, holds in each.items()]


def _switch(ledger: Ledger, *, stopped: bool, reason: str, person: str) -> None:
    execute(ledger, sa.insert(switches).values(stopped=stopped, reason=reason, person=person))
