"""Contacts with a rota, and covers that somebody enters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from cct_ops.config.contacts import Contacts
from cct_ops.ledger import clock
from cct_ops.ledger.people import covers
from cct_ops.ledger.people.covers import Wanted
from cct_ops.models.on_call import Cover

WEEKLY = {"starts": "2026-01-05", "hand_over": {"day": "mon", "time": "09:00"}, "timezone": "UTC"}
PRIMARY = {"name": "primary", "people": ["ana"], **WEEKLY}
SECONDARY = {"name": "secondary", "people": ["ben"], **WEEKLY}


def rota(*layers: Mapping[str, object], fallback: tuple[str, ...] = ("owner",)) -> Contacts:
    """Ana, Ben and the owner, in these layers; by default Ana first and then Ben."""
    return Contacts.model_validate(as_file(*layers, fallback=fallback))


def as_file(
    *layers: Mapping[str, object], fallback: tuple[str, ...] = ("owner",)
) -> dict[str, object]:
    """Return the same as it stands in a file."""
    known = [
        {"id": contact, "webhook": {"env": f"PAGES_{variable}"}}
        for contact, variable in (("ana", "ANNA"), ("ben", "BEN"), ("owner", "OWNER"))
    ]
    made = {"layers": list(layers) or [PRIMARY, SECONDARY], "fallback": list(fallback)}
    return {"contacts": known, "rota": made}


def in_hours(engine: sa.Engine, number: float) -> datetime:
    """So many hours from now."""
    return clock.read(engine) + timedelta(hours=number)


def covered(
    engine: sa.Engine,
    person: str,
    instead_of: str,
    begins: float = -1,
    ends: float = 8,
    reason: str = "flu",
    by: str = "Ana, a test",
) -> Cover:
    """Enter a cover, from and to so many hours from now."""
    wanted = Wanted(
        person=person,
        instead_of=instead_of,
        begins=in_hours(engine, begins),
        ends=in_hours(engine, ends),
        reason=reason,
    )
    return covers.record(engine, wanted, by)
