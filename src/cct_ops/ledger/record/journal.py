"""The journal of experiments, and the changes that only live as long as their run."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.clock import in_seconds
from cct_ops.ledger.gate.tables import temporary_changes
from cct_ops.ledger.record.tables import decisions, journal_entries
from cct_ops.models.change import ChangeState
from cct_ops.models.journal import Entry, Phase


def write(engine: sa.Engine, run_id: UUID, entry: Entry) -> None:
    """Add a line."""
    with engine.begin() as tx:
        tx.execute(
            sa.insert(journal_entries).values(
                run_id=run_id,
                at=entry.at,
                phase=entry.phase.value,
                entry=entry.model_dump(mode="json"),
            )
        )


def read(engine: sa.Engine, run_id: UUID) -> tuple[Entry, ...]:
    """Return a run's journal, oldest first."""
    found = sa.select(journal_entries.c.entry).where(journal_entries.c.run_id == run_id)
    with engine.connect() as connection:
        rows = connection.execute(found.order_by(journal_entries.c.id)).scalars()
        return tuple(Entry.model_validate(row) for row in rows)


def orders(engine: sa.Engine, run_id: UUID) -> tuple[str, ...]:
    """Return what a run has asked, or was about to ask, of other runs."""
    return tuple(each.note for each in read(engine, run_id) if each.phase is Phase.ORDERED)


def newest_experiment(engine: sa.Engine, playbook: str) -> UUID | None:
    """Return the newest run of ``playbook`` that was permitted to inject anything."""
    with engine.connect() as connection:
        return connection.execute(
            sa.select(decisions.c.run_id)
            .where(decisions.c.playbook == playbook, decisions.c.verdict == "permitted")
            .order_by(decisions.c.id.desc())
            .limit(1)
        ).scalar()


def keep(engine: sa.Engine, run_id: UUID, seconds: float) -> None:
    """Let the run's temporary changes last ``seconds`` from now, those that have not ended."""
    with engine.begin() as tx:
        tx.execute(
            sa.update(temporary_changes)
            .where(
                temporary_changes.c.run_id == run_id,
                temporary_changes.c.state.in_([ChangeState.SCHEDULED, ChangeState.ACTIVE]),
            )
            .values(until=in_seconds(seconds), alarmed_at=None)
        )
