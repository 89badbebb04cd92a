"""Ids as people type them: the first characters are enough where no other id begins so."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa

from cct_ops.errors import BadConfiguration
from cct_ops.ledger.gate.declared_tables import maintenance_windows
from cct_ops.ledger.gate.tables import approvals, permits, run_leases, temporary_changes
from cct_ops.ledger.intake.tables import deliveries, dispatches, incidents
from cct_ops.ledger.people.tables import on_call_covers, silences
from cct_ops.ledger.record.tables import decisions, follow_ups, resolutions

SHORTEST = 8
"""Ids are shown with at least so many characters."""

_FEWEST = 4
_DIGITS = 32
_SHOWN = 5


class Kind(StrEnum):
    """The kind of thing that an id can belong to."""

    INCIDENT = "incident"
    DELIVERY = "delivery"
    RUN = "run"
    CHANGE = "temporary change"
    APPROVAL = "request for approval"
    FOLLOW_UP = "follow-up"
    MAINTENANCE = "maintenance"
    SILENCE = "silence"
    COVER = "cover"


WHATEVER = (Kind.INCIDENT, Kind.DELIVERY, Kind.RUN, Kind.CHANGE, Kind.APPROVAL)
"""The kinds that `cct-ops incident` and `cct-ops why` can explain."""

# Each has an index: the ledger keeps everything.
_COLUMNS: Mapping[Kind, tuple[sa.Column[UUID], ...]] = {
    Kind.INCIDENT: (incidents.c.id,),
    Kind.DELIVERY: (deliveries.c.id,),
    Kind.RUN: (
        dispatches.c.flow_run_id,
        decisions.c.run_id,
        resolutions.c.run_id,
        permits.c.run_id,
        approvals.c.run_id,
        run_leases.c.run_id,
    ),
    Kind.CHANGE: (temporary_changes.c.id,),
    Kind.APPROVAL: (approvals.c.id,),
    Kind.FOLLOW_UP: (follow_ups.c.id,),
    Kind.MAINTENANCE: (maintenance_windows.c.id,),
    Kind.SILENCE: (silences.c.id,),
    Kind.COVER: (on_call_covers.c.id,),
}


def matching(engine: sa.Engine, wanted: str, *kinds: Kind) -> dict[UUID, Kind]:
    """Return what is known by an id, or by its beginning; nothing where the text is none."""
    digits = _digits(wanted)
    if digits is None:
        return {}
    first, last = UUID(digits.ljust(_DIGITS, "0")), UUID(digits.ljust(_DIGITS, "f"))
    found: dict[UUID, Kind] = {}
    with engine.connect() as connection:
        for kind in kinds:
            for column in _COLUMNS[kind]:
                asked = sa.select(column).where(column.between(first, last)).distinct()
                for each in connection.execute(asked.limit(_SHOWN + 1)).scalars():
                    found.setdefault(each, kind)
    return found


def one(engine: sa.Engine, wanted: str, *kinds: Kind, listed_by: str) -> UUID:
    """
    Return the one id that is meant.

    Raises ``BadConfiguration`` where there is none or more than one; ``listed_by`` is the command
    that shows those that there are.
    """
    found = matching(engine, wanted, *kinds)
    if len(found) == 1:
        return next(iter(found))
    if found:
        raise BadConfiguration(ambiguous(wanted, found))
    raise BadConfiguration(unknown(wanted, kinds, listed_by))


def unknown(wanted: str, kinds: Collection[str], listed_by: str) -> str:
    """Say that a text is no id, or the id of nothing; ``listed_by`` shows those that there are."""
    if _digits(wanted) is None:
        return (
            f"{wanted!r} is no id of {_article(' or '.join(kinds))}: type its first characters, at"
            f" least {_FEWEST}, as `{listed_by}` shows them"
        )
    what = " and no ".join(kinds)
    return f"there is no {what} {wanted}: `{listed_by}` shows those that there are"


def run_behind(engine: sa.Engine, kind: Kind, each: UUID) -> UUID:
    """Return the run that made a temporary change or a request for approval; others as they are."""
    table = {Kind.CHANGE: temporary_changes, Kind.APPROVAL: approvals}.get(kind)
    if table is None:
        return each
    with engine.connect() as connection:
        makers = connection.scalars(sa.select(table.c.run_id).where(table.c.id == each))
        run_id: UUID = makers.one()
    return run_id


def ambiguous(wanted: str, found: Mapping[UUID, Kind]) -> str:
    """Say which ids begin as the text does."""
    shown = [f"{kind} {each}" for each, kind in list(found.items())[:_SHOWN]]
    more = " and others" if len(found) > _SHOWN else ""
    return f"{wanted} is not enough to name one: {', '.join(shown)}{more} begin so"


def shortened(engine: sa.Engine, ids: Collection[UUID], *kinds: Kind) -> dict[str, str]:
    """Return for each id, as text, the beginning that no other id of these kinds has."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    enough = dict.fromkeys(wanted, SHORTEST)
    with engine.connect() as connection:
        for column in (column for kind in kinds for column in _COLUMNS[kind]):
            for mine, *others in connection.execute(_beside(wanted, column)):
                for other in others:
                    if other is not None:
                        enough[mine] = max(enough[mine], _alike(mine.hex, other.hex) + 1)
    return {str(each): _text(each, length) for each, length in enough.items()}


def _beside(wanted: list[UUID], column: sa.Column[UUID]) -> sa.Select[tuple[UUID, UUID, UUID]]:
    """Ask for the ids of a column right below and right above each of ours."""
    mine = sa.func.unnest(sa.cast(wanted, sa.ARRAY(sa.Uuid))).column_valued("mine")
    below = sa.select(column).where(column < mine).order_by(column.desc()).limit(1)
    above = sa.select(column).where(column > mine).order_by(column).limit(1)
    return sa.select(mine, below.scalar_subquery(), above.scalar_subquery())


def _digits(wanted: str) -> str | None:
    text = wanted.strip().lower()
    digits = text.replace("-", "")
    whole = re.fullmatch(r"[0-9a-f][0-9a-f-]*", text) is not None
    return digits if whole and _FEWEST <= len(digits) <= _DIGITS else None


def _article(what: str) -> str:
    return f"an {what}" if what.startswith("incident") else f"a {what}"


def _alike(one_: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one_, other, strict=True)) if a != b), _DIGITS)


def _text(each: UUID, length: int) -> str:
    """Cut an id to so many digits, as it is written, with its dashes."""
    text = str(each)
    ends = [end for end, char in enumerate(text, 1) if char != "-"]
    return text[: ends[length - 1]]
