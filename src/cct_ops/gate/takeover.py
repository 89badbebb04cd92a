"""A person takes a run over, whatever is known of it and by whom."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.gate import run_progress, takeovers
from cct_ops.ledger.gate.takeovers import Wish
from cct_ops.models.takeover import RunProgress, Takeover

AskPrefect = Callable[[UUID], tuple[str, str] | None]
"""Returns the playbook and the target of a run; None where Prefect does not know or answer."""


def take_over(
    engine: sa.Engine, run_id: UUID, wish: Wish, ask_prefect: AskPrefect
) -> tuple[Takeover, RunProgress]:
    """
    Take the run over; Prefect is asked about one that has not written down its target yet.

    Raises ``NotPermitted`` where there is nothing to take over any more.
    """
    with engine.connect() as connection:
        found = run_progress.read(connection, run_id)
    known = ask_prefect(run_id) if found is None or not found.target else None
    playbook, target = known or ("", "")
    return takeovers.record(engine, run_id, wish, playbook=playbook, target=target)


def at_work(engine: sa.Engine, run_ids: tuple[UUID, ...]) -> list[RunProgress]:
    """Return how far those of the runs are that can be taken over."""
    with engine.connect() as connection:
        found = [run_progress.read(connection, each) for each in run_ids]
    return [each for each in found if each is not None and each.can_be_taken_over]
