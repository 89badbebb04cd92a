"""Who may send alerts: the shape of deployments/sources.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from cct_ops.models.base import Frozen

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]


class KeyReference(Frozen):
    """Where a sender's key is found; the key itself never stands in a file of this repository."""

    env: str | None = Field(None, min_length=1)
    file: Path | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("say where the key is: either env: or file:")
        return self


class Source(Frozen):
    """One sender; an Alertmanager pair that sends the same alerts twice is one source."""

    kind: Literal["alertmanager"]
    keys: tuple[KeyReference, ...] = Field(min_length=1)
    max_body_bytes: int = Field(8 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    repeat_interval_seconds: float = Field(gt=0)
    group_interval_seconds: float = Field(gt=0)

    @property
    def silence_seconds(self) -> float:
        """How long an open incident may go unseen before its resolved notice counts as lost."""
        return 2 * self.repeat_interval_seconds + self.group_interval_seconds


class Sources(Frozen):
    """All senders by the name that we give them: the last part of the address that they use."""

    sources: dict[SourceName, Source] = Field(min_length=1)
