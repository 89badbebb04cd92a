"""A sender's own JSON, by the paths that its source declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cct_ops.config.source_fields import Fields
from cct_ops.gateway.senders.parsed_delivery import (
    NO_ALERT,
    ParsedDelivery,
    Received,
    UnknownShape,
    moment,
    one_by_one,
)
from cct_ops.gateway.senders.strict_json import Json, follow, parse, scalar
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


def read(received: Received, fields: Fields, sender_id: str | None = None) -> ParsedDelivery:
    """
    Return the alert of the body, or of each one in a list of them.

    ``sender_id`` is what the sender calls the delivery where that does not stand in the body.
    """
    document = parse(received.body)
    name = _name(document, fields) if sender_id is None else sender_id
    items = [(place, each, name) for place, each in listed(document, fields)]
    is_list = fields.each is not None or isinstance(document, list)
    delivery = fields.delivery if is_list else None
    return read_each(items, fields, received.at, name, delivery=delivery)


def read_each(
    items: Sequence[tuple[str, Json, str]],
    fields: Fields,
    now: datetime,
    sender_id: str,
    *,
    delivery: str | None = None,
    optional: Sequence[str] = (),
) -> ParsedDelivery:
    """
    Return the alerts of these items: each with its place, and what its sender calls its message.

    ``delivery`` is the path at which an item may have a name of its own. An item can be the reason
    why there is none.
    """

    def one(_: int, item: tuple[str, Json, str]) -> Alert | None:
        place, each, message = item
        try:
            if isinstance(each, UnknownShape):
                raise each
            own = scalar(each, delivery) if delivery else None
            return alert(each, fields, now, message=own or message, optional=optional)
        except UnknownShape as error:
            raise UnknownShape(f"{place}{error}") from None

    alerts, aside = one_by_one(items, one)
    if alerts:
        return ParsedDelivery(alerts, aside, sender_id, in_part=aside is not None)
    ignored = f"{fields.status}: nothing but what this source ignores."
    return ParsedDelivery((), ignored if items else NO_ALERT, sender_id)


def _name(document: Json, fields: Fields) -> str:
    """Return what the sender calls the whole of a delivery, empty where it has no name for it."""
    path = fields.delivery
    if path is None or isinstance(document, list):
        return ""
    if fields.each is not None:
        return scalar({"$": document}, path) or "" if path.startswith("$.") else ""
    return scalar(document, path) or ""


def listed(document: Json, fields: Fields) -> list[tuple[str, Json]]:
    """
    Return each alert of a list behind its place; a document that is none stands by itself.

    Raises ``UnknownShape`` where the declared list is missing.
    """
    found = document if fields.each is None else follow(document, fields.each)
    if not isinstance(found, list):
        if fields.each is None:
            return [("", document)]
        raise UnknownShape(f"{fields.each}: is not a list")
    # Behind the dollar sign paths start at the whole.
    return [
        (
            f"{fields.each or ''}[{place}]: ",
            {**each, "$": document} if isinstance(each, Mapping) else each,
        )
        for place, each in enumerate(found)
    ]


def _present(document: Json, paths: dict[str, str]) -> dict[str, str]:
    found = {name: scalar(document, path) for name, path in paths.items()}
    return {name: value for name, value in found.items() if value is not None}
