"""What others add to the log's checkpoints: the cosignatures of witnesses."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.ledger.record.log_tables import log_checkpoints
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
