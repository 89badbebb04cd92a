"""
What the calendars of the rota said when they could be read last.

The controller reads them; everybody else has the last good copy here, also while a calendar is away
or broken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from cct_ops.ledger.clock import now
from cct_ops.ledger.people.tables import on_call_calendars
from cct_ops.ledger.statements import Ledger, execute, read, upsert
from cct_ops.models.base import Frozen
from cct_ops.models.on_call import Planned


class Copy(Frozen):
    """The last good copy of one layer's calendar, and what is wrong with it since, if anything."""

    layer: str
    place: str
    planned: tuple[Planned, ...]
    passed_over: tuple[str, ...]
    known_until: datetime | None
    read_at: datetime | None
    problem: str | None


def copies(ledger: Ledger, places: Mapping[str, str]) -> dict[str, Copy]:
    """Return the copies by layer; ``places`` are today's calendars, and no other's copy counts."""
    found = read(ledger, Copy, sa.select(on_call_calendars))
    return {each.layer: each for each in found if places.get(each.layer) == each.place}


def keep(
    engine: sa.Engine,
    layer: str,
    place: str,
    planned: Sequence[Planned],
    passed_over: Sequence[str],
    known_until: datetime,
) -> None:
    """Keep what a calendar says now."""
    said = {
        "place": place,
        "planned": [each.model_dump(mode="json") for each in planned],
        "passed_over": list(passed_over),
    }
    values = {**said, "known_until": known_until, "read_at": now(), "problem": None}
    execute(engine, upsert(on_call_calendars, {"layer": layer}, values))


def mark_unread(engine: sa.Engine, layer: str, place: str, problem: str) -> None:
    """Note why a calendar cannot be read; the copy of the same calendar stays."""
    same = on_call_calendars.c.layer == layer, on_call_calendars.c.place == place
    noted = sa.update(on_call_calendars).where(*same).values(problem=problem)
    if execute(engine, noted) == 0:
        values: dict[str, object] = {"place": place, "problem": problem}
        values |= {"planned": [], "passed_over": [], "known_until": None, "read_at": None}
        execute(engine, upsert(on_call_calendars, {"layer": layer}, values))
