"""What others add to the log's checkpoints: cosignatures of witnesses, and time stamps."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from cct_ops.ledger.record.log_tables import log_checkpoints, log_time_stamps
from cct_ops.ledger.statements import Ledger, execute, rows, scalar


def newest_with(ledger: Ledger, mark: str) -> int | None:
    """Return over how many leaves the newest checkpoint is that bears such a line."""
    bears = sa.func.strpos(log_checkpoints.c.note, mark) > 0
    sizes = sa.select(log_checkpoints.c.size).where(bears)
    return scalar(ledger, sizes.order_by(log_checkpoints.c.size.desc()).limit(1))


def first_after(ledger: Ledger, size: int, most: int) -> list[str]:
    """Return the first checkpoints over more leaves than that, the smallest first."""
    notes = sa.select(log_checkpoints.c.note).where(log_checkpoints.c.size > size)
    return [note for (note,) in rows(ledger, notes.order_by(log_checkpoints.c.size).limit(most))]


def of_size(ledger: Ledger, size: int) -> str | None:
    """Return the checkpoint over so many leaves, None where there is none."""
    wanted = sa.select(log_checkpoints.c.note).where(log_checkpoints.c.size == size)
    return scalar(ledger, wanted)


def record_cosignature(ledger: Ledger, size: int, mark: str, line: str) -> None:
    """Add a line to the checkpoint over so many leaves, unless it bears one by this mark."""
    without = sa.func.strpos(log_checkpoints.c.note, mark) == 0
    added = sa.update(log_checkpoints).where(log_checkpoints.c.size == size, without)
    execute(ledger, added.values(note=log_checkpoints.c.note + f"{line}\n"))


class TimeStamp(NamedTuple):
    """What an authority answered about the checkpoint over so many leaves."""

    size: int
    response: bytes


def is_stamped_since(ledger: Ledger, minutes: float) -> bool:
    """Say whether a checkpoint was stamped within the last minutes."""
    since = sa.func.clock_timestamp() - timedelta(minutes=minutes)
    stamps = sa.select(log_time_stamps.c.size).where(log_time_stamps.c.at > since)
    return scalar(ledger, stamps.limit(1)) is not None


def newest_time_stamp(ledger: Ledger) -> TimeStamp | None:
    """Return the last time stamp, None where there is none."""
    found = time_stamps(ledger, most=1)
    return found[0] if found else None


def time_stamps(ledger: Ledger, most: int | None = None) -> list[TimeStamp]:
    """Return the last time stamps, or all of them, the newest first."""
    ordered = sa.select(log_time_stamps.c.size, log_time_stamps.c.response).order_by(
        log_time_stamps.c.size.desc()
    )
    return [TimeStamp(size, bytes(value)) for size, value in rows(ledger, ordered.limit(most))]


def record_time_stamp(ledger: Ledger, stamp: TimeStamp) -> None:
    """Store a time stamp, unless the checkpoint has one."""
    execute(ledger, insert(log_time_stamps).values(stamp._asdict()).on_conflict_do_nothing())
