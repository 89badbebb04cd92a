"""The parts of a run that Prefect only shows, such as a report: no run depends on them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self, cast
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext

_log = logging.getLogger(__name__)


@contextmanager
def showing(what: str) -> Iterator[None]:
    """
    Show something in Prefect; where its server takes it not even after a minute, go on without.

    What a run did must not be undone because nobody could be shown it: the ledger has the account.
    """
    try:
        yield
    except httpx.HTTPError as error:
        log = get_run_logger() if FlowRunContext.get() else _log  # hooks have no run round them
        log.warning("%s is not shown in Prefect: %s.", what, type(error).__name__)


@dataclass(frozen=True)
class Progress:
    """One bar, from 0 to 100 %."""

    artifact_id: UUID | None

    @classmethod
    def of(cls, description: str) -> Self:
        """Begin at 0 %."""
        # Prefect returns a coroutine only to whoever is one.
        made: object = None
        with showing("A progress"):
            made = create_progress_artifact(progress=0.0, description=description)
        return cls(cast("UUID | None", made))

    def at(self, percent: float) -> None:
        """Show how far it is."""
        if self.artifact_id is not None:
            with showing("A progress"):
                update_progress_artifact(artifact_id=self.artifact_id, progress=min(100.0, percent))
