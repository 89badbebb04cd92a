"""A sender's own JSON, by the paths that its source declares."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from cct_ops.gateway.reading import UnknownShape, first_problem
from cct_ops.gateway.strict_json import Json, scalar
from cct_ops.models.alert import Alert, AlertStatus, Moment
from cct_ops.models.source import Fields

_MOMENT: TypeAdapter[Moment] = TypeAdapter(Moment)


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
    moment = _moment(at, fields.starts_at or "") if at else now
    return Alert(
        status=status,
        labels=_present(document, fields.labels),
        annotations=_present(document, fields.annotations),
        starts_at=moment,
        ends_at=moment if status is AlertStatus.RESOLVED else None,
        identity={path: value or "" for path, value in identity.items()},
        undated=at is None,
        message=f"{said}\n{message}" if message else "",
        reopens=reopens,
    )


def _present(document: Json, paths: dict[str, str]) -> dict[str, str]:
    found = {name: scalar(document, path) for name, path in paths.items()}
    return {name: value for name, value in found.items() if value is not None}


def _moment(text: str, path: str) -> datetime:
    """Read RFC 3339 with an offset, or Unix time in seconds or milliseconds."""
    try:
        return _MOMENT.validate_python(text)
    except ValidationError as error:
        raise UnknownShape(f"{path}: {first_problem(error)}") from None
