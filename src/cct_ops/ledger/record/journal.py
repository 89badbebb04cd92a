"""The journal of experiments."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.record.tables import decisions, journal_entries
from cct_ops.ledger.statements import execute, scalar, scalars
from cct_ops.models.journal import Entry, Phase


def write(engine: sa.Engine, run_id: UUID, entry: Entry) -> None:
    """Add a line."""
    row = {"at": entry.at, "phase": entry.phase.value, "entry": entry.model_dump(mode="json")}
    execute(engine, sa.insert(journal_entries).values(run_id=run_id, **row))


def read(engine: sa.Engine, run_id: UUID) -> tuple[Entry, ...]:
    """Return a run's journal, oldest first."""
    found = sa.select(journal_entries.c.entry).where(journal_entries.c.run_id == run_id)
    return tuple(map(Entry.model_validate, scalars(engine, found.order_by(journal_entries.c.id))))


def orders(engine: sa.Engine, run_id: UUID) -> tuple[str, ...]:
    """Return what a run has asked, or was about to ask, of other runs."""
    return tuple(each.note for each in read(engine, run_id) if each.phase is Phase.ORDERED)


def newest_experiment(engine: sa.Engine, playbook: str) -> UUID | None:
    """Return the newest run of ``playbook`` that was permitted to inject anything."""
    permitted = (decisions.c.playbook == playbook, decisions.c.verdict == "permitted")
    runs = sa.select(decisions.c.run_id).where(*permitted).order_by(decisions.c.id.desc())
    return scalar(engine, runs.limit(1))
