"""One turn of one stream: the way to its place is opened, used, and closed again."""

from __future__ import annotations

from pathlib import Path

from cct_ops.config.audit_streams import StreamPlace
from cct_ops.errors import OpsError
from cct_ops.ledger.record.streams import Cursor
from cct_ops.record.stream import batches, file, http


def take_turn(cursor: Cursor, place: StreamPlace, origin: str, folder: Path) -> None:
    """Send what is due to a place; a relative file is in the folder."""
    way = http.receiving(place) if place.file is None else file.receiving(folder / place.file)
    try:
        with way as receiver:
            batches.send(cursor, receiver, origin, place.batch_events)
    except OpsError as error:  # the way could not be opened
        batches.mark_failed(cursor, error)
