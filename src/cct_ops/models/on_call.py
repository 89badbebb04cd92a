"""Who is on call when: turns as they are planned, covers that people enter, and what follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from cct_ops.models.base import Frozen


class Planned(Frozen):
    """A turn as a rota or a calendar plans it, of the person with this id."""

    person: str
    begins: datetime
    ends: datetime


class Cover(Frozen):
    """
    One person stands in for another for a while, because somebody entered it.

    ``instead_of`` is a person's id, or the name of a layer: then whoever has that.
    """

    id: UUID
    person: str
    instead_of: str
    begins: datetime
    ends: datetime
    reason: str
    entered_by: str
    entered_at: datetime
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None

    @property
    def over_at(self) -> datetime:
        """The moment from which it counts no more."""
        return self.ends if self.withdrawn_at is None else min(self.ends, self.withdrawn_at)

    def holds(self, at: datetime) -> bool:
        """Return whether it counts at that moment."""
        return self.begins <= at < self.over_at


class By(StrEnum):
    """The reason for which a person is on call."""

    ROTA = "rota"
    OVERRIDE = "override"
    FALLBACK = "fallback"


class Turn(Frozen):
    """A time for which one person is on call in a layer, as far as the schedule was read."""

    layer: str
    person: str
    by: By
    begins: datetime
    ends: datetime
    cover: Cover | None = None

    @property
    def same(self) -> tuple[object, ...]:
        """What two turns have in common that are one."""
        return self.person, self.by, self.cover and self.cover.id


def turns(
    layer: str,
    planned: Iterable[Planned],
    covers: Sequence[Cover],
    fallback: str,
    begin: datetime,
    end: datetime,
) -> tuple[Turn, ...]:
    """
    Return who is on call in a layer from ``begin`` to ``end``, without a gap.

    Where several planned turns overlap, the one that began last holds. A cover for the layer goes
    before one for the person, and of a cover there is no cover. Where nobody is planned or covers,
    the fallback is on call.
    """
    plans = [each for each in planned if each.begins < end and each.ends > begin]
    edges = {begin, end}
    for plan in plans:
        edges |= {plan.begins, plan.ends}
    for cover in covers:
        edges |= {cover.begins, cover.over_at}
    moments = sorted(each for each in edges if begin <= each <= end)
    pieces = (
        _at(layer, plans, covers, fallback, since, until) for since, until in pairwise(moments)
    )
    return tuple(_joined(pieces))


def _at(
    layer: str,
    plans: Sequence[Planned],
    covers: Sequence[Cover],
    fallback: str,
    begins: datetime,
    ends: datetime,
) -> Turn:
    """Return whose time this is, in which nothing changes."""
    due = [each for each in plans if each.begins <= begins < each.ends]
    newest = max(due, key=lambda each: (each.begins, -each.ends.timestamp()), default=None)
    standing = {each.instead_of: each for each in covers if each.holds(begins)}
    cover = standing.get(layer) or (standing.get(newest.person) if newest else None)
    if cover is not None:
        person, by = cover.person, By.OVERRIDE
    elif newest is not None:
        person, by = newest.person, By.ROTA
    else:
        person, by = fallback, By.FALLBACK
        cover = standing.get(fallback)
        if cover is not None:
            person, by = cover.person, By.OVERRIDE
    return Turn(layer=layer, person=person, by=by, begins=begins, ends=ends, cover=cover)


def _joined(pieces: Iterable[Turn]) -> Iterator[Turn]:
    """Join what is one turn."""
    last: Turn | None = None
    for each in pieces:
        if last is not None and last.same == each.same:
            last = last.model_copy(update={"ends": each.ends})
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last
