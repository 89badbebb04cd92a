"""A person takes a run over, whatever is known of it and by whom."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from uuid import UUID

import sqlalchemy as sa

from cct_ops.ledger.gate import run_progress, takeovers
from cct_ops.ledger.gate.takeovers import Wish
from cct_ops.models.takeover import RunProgress, Takeover

# A person who wants a run to stop is not kept waiting for what Prefect knows; it may hang.
ASK_SECONDS = 1.0
ALONE_SECONDS = 5.0  # where the ledger has no word of the run, there is nothing without it

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
    playbook, target, wait = "", "", ALONE_SECONDS if found is None else ASK_SECONDS
    if found is None or not found.target:
        playbook, target = _soon(ask_prefect, run_id, wait) or ("", "")
    return takeovers.record(engine, run_id, wish, playbook=playbook, target=target)


def _soon(ask: AskPrefect, run_id: UUID, seconds: float) -> tuple[str, str] | None:
    """Return the answer, None where there is none by then."""
    answers: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
    Thread(target=lambda: answers.put(ask(run_id)), name="what Prefect knows", daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except Empty:
        return None


def at_work(engine: sa.Engine, run_ids: tuple[UUID, ...]) -> list[RunProgress]:
    """Return how far those of the runs are that can be taken over."""
    with engine.connect() as connection:
        found = [run_progress.read(connection, each) for each in run_ids]
    return [each for each in found if each is not None and each.can_be_taken_over]
