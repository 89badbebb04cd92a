"""The backups that were taken, and the restores that were made of them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from cct_ops.ledger.record.tables import backups, restores
from cct_ops.ledger.statements import Ledger, execute, find
from cct_ops.models.base import Frozen


class Backup(Frozen):
    """A backup: what it holds is of ``taken_at``, and its file is known by its digest."""

    taken_at: datetime
    person: str
    file: str
    sha256: str
    bytes: int
    leaves: int


class Restore(Frozen):
    """
    The installation was put back, and what has been held since.

    ``stopped`` says that all was stopped, as nobody knew all that the backup had missed.
    """

    backup_taken_at: datetime
    backup_sha256: str
    person: str
    held: tuple[str, ...]
    stopped: bool
    why: str


def record(engine: sa.Engine, backup: Backup) -> None:
    """Note that there is a backup."""
    execute(engine, sa.insert(backups).values(backup.model_dump()))


def record_restore(ledger: Ledger, restore: Restore) -> None:
    """Note that this ledger was put back."""
    given = restore.model_dump()
    execute(ledger, sa.insert(restores).values({**given, "held": list(restore.held)}))


def newest(ledger: Ledger) -> Backup | None:
    """Return the last backup that this ledger knows; None where there was never one."""
    columns = [backups.c[name] for name in Backup.model_fields]
    return find(ledger, Backup, sa.select(*columns).order_by(backups.c.id.desc()).limit(1))
