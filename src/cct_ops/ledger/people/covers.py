"""
Covers: somebody entered that one person stands in for another on call, and may withdraw it.

At any time one cover at most stands in for the same person, or for the same layer of the rota.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from cct_ops.config.contacts import Contacts
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger.clock import now
from cct_ops.ledger.people.tables import on_call_covers
from cct_ops.ledger.statements import Ledger, read
from cct_ops.models.base import Frozen
from cct_ops.models.on_call import Cover

LONGEST = timedelta(days=366)
"""A year that is mistyped would never end."""

_COLUMNS = tuple(on_call_covers.c[name] for name in Cover.model_fields)
_over_at = sa.func.least(on_call_covers.c.ends, on_call_covers.c.withdrawn_at)


class Wanted(Frozen):
    """A cover that somebody enters."""

    person: str
    instead_of: str
    begins: datetime
    ends: datetime
    reason: str


def check(wanted: Wanted, contacts: Contacts) -> None:
    """Raise ``BadConfiguration`` where it makes no sense, whatever else stands."""
    people = [each.id for each in contacts.contacts]
    layers = [each.name for each in contacts.rota.layers] if contacts.rota else []
    if wanted.person not in people:
        raise BadConfiguration(f"No contact is called {wanted.person}: {_known(people)}.")
    if wanted.instead_of not in {*people, *layers}:
        known = _known([*people, *layers])
        raise BadConfiguration(f"No contact or layer is called {wanted.instead_of}: {known}.")
    if wanted.person == wanted.instead_of:
        raise BadConfiguration("Nobody stands in for themselves: choose two people.")
    if not wanted.reason.strip():
        raise BadConfiguration("A cover needs a reason, for whoever comes upon it.")
    if wanted.ends <= wanted.begins:
        raise BadConfiguration("The end of a cover must be after its beginning.")
    if wanted.ends - wanted.begins > LONGEST:
        raise BadConfiguration(f"A cover lasts {LONGEST.days} days at most.")


def record(engine: sa.Engine, wanted: Wanted, entered_by: str) -> Cover:
    """
    Enter a cover; the same one entered again is the one that stands.

    Raises ``NotPermitted`` where it is over already, or another one stands in then.
    """
    with engine.begin() as tx:
        # In turn: of two that overlap the second sees the first.
        tx.execute(sa.text("lock table on_call_covers in share row exclusive mode"))
        if tx.execute(sa.select(now() >= wanted.ends)).scalar_one():
            raise NotPermitted(f"Nothing was done: {_when(wanted.ends)} is over already.")
        overlapping = sa.select(*_COLUMNS).where(
            on_call_covers.c.instead_of == wanted.instead_of,
            on_call_covers.c.withdrawn_at.is_(None),
            on_call_covers.c.begins < wanted.ends,
            on_call_covers.c.ends > wanted.begins,
        )
        for other in read(tx, Cover, overlapping):
            if (other.person, other.begins, other.ends) == (
                wanted.person,
                wanted.begins,
                wanted.ends,
            ):
                return other
            raise NotPermitted(
                f"Nothing was done: {other.person} covers for {other.instead_of} from"
                f" {_when(other.begins)} to {_when(other.ends)}. Withdraw that first, or choose"
                " another time."
            )
        made = sa.insert(on_call_covers).values(**wanted.model_dump(), entered_by=entered_by)
        row = tx.execute(made.returning(*_COLUMNS)).one()
    return Cover.model_validate(row, from_attributes=True)


def withdraw(engine: sa.Engine, cover_id: UUID, by: str) -> Cover:
    """End a cover at once; raises ``NotPermitted`` where it is none, or over."""
    ended = (
        sa.update(on_call_covers)
        .where(
            on_call_covers.c.id == cover_id,
            on_call_covers.c.withdrawn_at.is_(None),
            on_call_covers.c.ends > now(),
        )
        .values(withdrawn_at=now(), withdrawn_by=by)
    )
    with engine.begin() as tx:
        row = tx.execute(ended.returning(*_COLUMNS)).one_or_none()
        if row is None:
            asked = sa.select(on_call_covers.c.withdrawn_by).where(on_call_covers.c.id == cover_id)
            found = tx.execute(asked).one_or_none()
            why = "there is none of this id"
            if found is not None:
                why = f"{found[0]} has withdrawn it" if found[0] else "it is over"
            raise NotPermitted(f"Nothing was done to cover {cover_id}: {why}.")
    return Cover.model_validate(row, from_attributes=True)


def between(ledger: Ledger, begin: datetime, end: datetime) -> list[Cover]:
    """Return the covers that count at some moment of this time, the first to begin first."""
    asked = (
        sa.select(*_COLUMNS)
        .where(
            on_call_covers.c.begins < end,
            on_call_covers.c.ends > begin,
            _over_at > sa.func.greatest(begin, on_call_covers.c.begins),
        )
        .order_by(on_call_covers.c.begins, on_call_covers.c.id)
    )
    return read(ledger, Cover, asked)


def standing(ledger: Ledger) -> list[Cover]:
    """Return the covers that count, or are going to, the first to begin first."""
    asked = sa.select(*_COLUMNS).where(_over_at > now())
    return read(ledger, Cover, asked.order_by(on_call_covers.c.begins, on_call_covers.c.id))


def newest(ledger: Ledger, limit: int) -> list[Cover]:
    """Return the covers that were entered last, those that are withdrawn or over as well."""
    asked = sa.select(*_COLUMNS).order_by(on_call_covers.c.entered_at.desc()).limit(limit)
    return read(ledger, Cover, asked)


def _known(names: list[str]) -> str:
    return f"known are {', '.join(names)}"


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
