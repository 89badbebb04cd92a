"""How far a long run is, as an artifact that people can watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact


@dataclass(frozen=True)
class Progress:
    """One bar, from 0 to 100 %."""

    artifact_id: UUID

    @classmethod
    def of(cls, description: str) -> Self:
        """Begin at 0 %."""
        # Prefect returns a coroutine only to whoever is one.
        return cls(cast("UUID", create_progress_artifact(progress=0.0, description=description)))

    def at(self, percent: float) -> None:
        """Show how far it is."""
        update_progress_artifact(artifact_id=self.artifact_id, progress=min(100.0, percent))
