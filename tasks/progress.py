"""How far a long run is, as an artifact that people can watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from tasks.showing import showing


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
