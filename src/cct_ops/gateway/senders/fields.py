"""A sender's own JSON, by the paths that its source declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cct_ops.config.source_fields import Fields
from cct_ops.gateway.senders.moments import moment
from cct_ops.gateway.senders.parsed_delivery import (
    NO_ALERT,
    ParsedDelivery,
    UnknownShape,
    one_by_one,
)
from cct_ops.gateway.senders.strict_json import Json, follow, scalar
from cct_ops.models.alert import Alert, AlertStatus


def alert(
    document: Json,
    fields: Fields,
    now: datetime,
    *,
    message: str = "",
    optional: Sequence[str] = (),
) -> Alert | None:
    """
    Return the alert of the document, None for one that says nothing.

    ``message`` is what the sender calls the message, and ``optional`` are paths of times that it
    may leave out. Raises ``UnknownShape`` for a status that has no declared meaning, or a missing
    identity.
    """
    said = scalar(document, fields.status)
    if said in fields.ignored:
        return None
    reopens = said in fields.reopens
    if said not in (*fields.firing, *fields.reopens, *fields.resolved):
        raise UnknownShape(f"{fields.status}: not a value that this source declares")
    identity = {path: scalar(document, path) for path in fields.incident}
    for path, value in identity.items():
        if not value:
            raise UnknownShape(f"{path}: is missing, and the incident is named after it")
    status = AlertStatus.RESOLVED if said in fields.resolved else AlertStatus.FIRING
    at = scalar(document, fields.starts_at) if fields.starts_at else None
    if fields.starts_at and not at and fields.starts_at not in optional:
        raise UnknownShape(f"{fields.starts_at}: is missing")
    if reopens or (fields.reopens and status is AlertStatus.RESOLVED):
        at = None  # the time of a thing that is opened again is not that of what happens to it
    said_at = moment(at, fields.starts_at or "")
    starts_at = said_at or now
    return Alert(
        status=status,
        labels=_present(document, fields.labels),
        annotations=_present(document, fields.annotations),
        starts_at=starts_at,
        ends_at=starts_at if status is AlertStatus.RESOLVED else None,
        identity={path: value or "" for path, value in identity.items()},
        undated=said_at is None,
        message=f"{said}\n{message}" if message else "",
        episodic=fields.starts_at_is == "episode" and said_at is not None,
        reopens=reopens,
    )


def read(document: Json, fields: Fields, now: datetime, sender_id: str) -> ParsedDelivery:
    """Return the alert of the document, or of each one in a list of them."""
    items = listed(document, fields)
    if items is None:
        found = alert(document, fields, now, message=sender_id)
        return ParsedDelivery((found,), None, sender_id) if found else ignored(fields, sender_id)

    def one(_: int, item: tuple[str, Json]) -> Alert | None:
        place, each = item
        try:
            name = scalar(each, fields.delivery) if fields.delivery else None
            return alert(each, fields, now, message=name or sender_id)
        except UnknownShape as error:
            raise UnknownShape(f"{place}: {error}") from None

    alerts, aside = one_by_one(items, one)
    if not alerts:
        return ignored(fields, sender_id, empty=not items)
    return ParsedDelivery(alerts, aside, sender_id, in_part=aside is not None)


def name(document: Json, fields: Fields) -> str:
    """Return what the sender calls the whole of a delivery, empty where it has no name for it."""
    path = fields.delivery
    if path is None or isinstance(document, list):
        return ""
    if fields.each is not None:
        return scalar({"$": document}, path) or "" if path.startswith("$.") else ""
    return scalar(document, path) or ""


def listed(document: Json, fields: Fields) -> list[tuple[str, Json]] | None:
    """
    Return each alert of a list with its place; None for a document that is one by itself.

    Raises ``UnknownShape`` where the declared list is missing.
    """
    found = document if fields.each is None else follow(document, fields.each)
    if not isinstance(found, list):
        if fields.each is None:
            return None
        raise UnknownShape(f"{fields.each}: is not a list")
    # Behind the dollar sign paths start at the whole.
    return [
        (
            f"{fields.each or ''}[{place}]",
            {**each, "$": document} if isinstance(each, Mapping) else each,
        )
        for place, each in enumerate(found)
    ]


def ignored(fields: Fields, sender_id: str, *, empty: bool = False) -> ParsedDelivery:
    """Return what there is to a body that says nothing by its source's own rules."""
    if empty:
        return ParsedDelivery((), NO_ALERT, sender_id)
    return ParsedDelivery((), f"{fields.status}: nothing but what this source ignores.", sender_id)


def _present(document: Json, paths: dict[str, str]) -> dict[str, str]:
    found = {name: scalar(document, path) for name, path in paths.items()}
    return {name: value for name, value in found.items() if value is not None}
