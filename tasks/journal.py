"""The journal of a run that injects faults: in the ledger at once, as an artifact at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from prefect.artifacts import create_markdown_artifact

from cct_ops.ledger.record import journal
from cct_ops.models.journal import Entry, Phase, Sample
from cct_ops.models.run import Run
from cct_ops.reports.journal import journal_page
from cct_ops.reports.render import artifact_key
from tasks.connections import current_run, ledger
from tasks.progress import Progress
from tasks.showing import showing


@dataclass(frozen=True)
class Journal:
    """What one run writes down."""

    run: Run

    def write(
        self,
        phase: Phase,
        note: str,
        samples: tuple[Sample, ...] = (),
        *,
        missed: int | None = None,
        noticed: int | None = None,
    ) -> None:
        """Add a line, with the present moment."""
        entry = Entry(
            at=datetime.now(UTC),
            phase=phase,
            note=note,
            samples=samples,
            missed=missed,
            noticed=noticed,
        )
        journal.write(ledger(), self.run.id, entry)

    def entries(self) -> tuple[Entry, ...]:
        """Return what was written so far."""
        return journal.read(ledger(), self.run.id)


@contextmanager
def journal_of(title: str) -> Iterator[Journal]:
    """Keep a journal, and show it as an artifact however the run goes on."""
    book = Journal(current_run())
    try:
        yield book
    finally:
        with showing("The journal"):
            create_markdown_artifact(
                key=artifact_key(book.run.playbook, "journal"),
                description=title,
                markdown=journal_page(title, book.entries()),
            )


def watch(
    seconds: float, pause_seconds: float, look: Callable[[], bool], *, description: str
) -> bool:
    """
    Take a look again and again for so long, shown as a progress; ends early when one is True.

    The first look is taken at once, the last one at the end.
    """
    progress = Progress.of(description)
    began = time.monotonic()
    while True:
        done = min(1.0, (time.monotonic() - began) / seconds)
        found = look()
        progress.at(100.0 if found else done * 100)
        if found or done >= 1:
            return found
        time.sleep(max(0.0, min(pause_seconds, began + seconds - time.monotonic())))
