"""What every model of ours is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """An immutable model that refuses fields it does not know."""

    # Whatever is reckoned with an infinite amount, or with NaN, is wrong without a word.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
