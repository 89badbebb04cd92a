"""What every input of the control API is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """An immutable input that refuses fields it does not know: a typo must not pass as a no-op."""

    model_config = ConfigDict(frozen=True, extra="forbid")
