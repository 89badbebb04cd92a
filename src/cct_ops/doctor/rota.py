"""The rota: whether each layer has somebody in the next four weeks, and its calendar is right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cct_ops.clients import calendar
from cct_ops.config import calendars, contacts
from cct_ops.config.contacts import Contacts
from cct_ops.config.rota import Layer
from cct_ops.doctor.check import ANSWER_SECONDS, Result, Sign
from cct_ops.errors import BadConfiguration, OpsError
from cct_ops.models.on_call import By, Planned, turns
from cct_ops.settings import Settings

AHEAD = timedelta(days=28)
SHOWN = 5


def look(settings: Settings) -> Iterator[Result]:
    """Read the rota and its calendars as the controller does; nothing is written down."""
    try:
        known = contacts.read(settings.contacts_path)
    except BadConfiguration:
        return  # the check of the contacts says so
    if known.rota is None:
        seen = "the contacts are tried in their order, always"
        yield Result("rota", Sign.UNSET, seen, "Fill in `rota:` to page whoever is on call.")
        return
    for layer in known.rota.layers:
        yield _layer(layer, known, datetime.now(UTC))


def _layer(layer: Layer, known: Contacts, now: datetime) -> Result:
    try:
        planned, passed_over = _planned(layer, known, now)
    except OpsError as error:
        fix = "Mend the calendar. Until then the last good copy holds, or else the fallback."
        return Result("rota", Sign.BROKEN, f"{layer.name}: {error}", fix)
    fallback = known.rota.fallback[0] if known.rota else ""
    gaps = [
        f"{_when(each.begins, layer)} to {_when(each.ends, layer)}"
        for each in turns(layer.name, planned, (), fallback, now, now + AHEAD)
        if each.by is By.FALLBACK
    ]
    seen = f"{layer.name}: "
    seen += (
        f"read {layer.calendar.name}" if layer.calendar else f"{', '.join(layer.people)} by turns"
    )
    if passed_over:
        more = "" if len(passed_over) <= SHOWN else f" and {len(passed_over) - SHOWN} more"
        seen += f"; events that name no contact: {', '.join(passed_over[:SHOWN])}{more}"
    if gaps:
        more = "" if len(gaps) <= SHOWN else f" and {len(gaps) - SHOWN} times more"
        seen += f"; nobody from {', from '.join(gaps[:SHOWN])}{more}"
        fix = f"Plan somebody for that time; else {fallback} is on call then."
        return Result("rota", Sign.LIMITED, seen, fix)
    return Result("rota", Sign.WELL, f"{seen}; somebody has it in each of the next four weeks")


def _planned(
    layer: Layer, known: Contacts, now: datetime
) -> tuple[tuple[Planned, ...], tuple[str, ...]]:
    """Return the turns of four weeks, and the events of a calendar that are none."""
    if layer.calendar is None:
        return tuple(layer.weekly(now, now + AHEAD)), ()
    text = calendar.text(layer.calendar, seconds=ANSWER_SECONDS)
    name, until = layer.calendar.name, now + AHEAD
    return calendars.read(text, name, known.names, layer.timezone, now, until)


def _when(at: datetime, layer: Layer) -> str:
    return f"{at.astimezone(ZoneInfo(layer.timezone)):%a %-d %b %H:%M}"
