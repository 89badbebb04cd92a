"""Where a sender's own JSON has what an alert needs: ``fields:`` of a source."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cct_ops.models.base import Frozen

# A sender that got no answer repeats itself sooner than this.
COPIES_WITHIN_SECONDS = 60.0

_STEP = r"[^.\s\[\]]+(?:\[(?:0|[1-9][0-9]{0,3})\])*"
_PATH = re.compile(rf"{_STEP}(?:\.{_STEP})*")


def _path(written: str) -> str:
    if len(written) > 200 or _PATH.fullmatch(written) is None:
        raise ValueError(
            "a path is member names joined by dots, with [0] for the first of a list, as in"
            " data.alerts[0].name"
        )
    return written


FieldPath = Annotated[str, AfterValidator(_path)]


class Fields(Frozen):
    """
    Where a sender's own JSON has what an alert needs.

    Paths are member names joined by dots, with ``[0]`` for the first of a list. ``each`` is the
    path of a list of which each item is an alert: then the other paths start at the item, or behind
    ``$.`` at the whole.

    ``firing`` and ``resolved`` are the values of ``status`` that open and close an incident;
    ``ignored`` ones say nothing, and every other value is kept in quarantine. ``reopens`` are those
    that begin a new episode of what was over, where ``starts_at`` is the time of the thing and
    stays the same. ``starts_at`` is the time of the message, unless ``starts_at_is`` says that it
    is the start of the episode: then a later one is another episode.

    ``delivery`` is what the sender calls the message. Without it and without a time of its own, a
    body that comes again within ``copies_within_seconds`` is a copy.
    """

    each: FieldPath | None = None
    status: FieldPath
    firing: tuple[str, ...] = Field(min_length=1)
    reopens: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    incident: tuple[FieldPath, ...] = Field(min_length=1)
    delivery: FieldPath | None = None
    starts_at: FieldPath | None = None
    starts_at_is: Literal["message", "episode"] = "message"
    copies_within_seconds: float = Field(COPIES_WITHIN_SECONDS, ge=0, le=86400)
    labels: dict[str, FieldPath] = Field(min_length=1)
    annotations: dict[str, FieldPath] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        # A word that reopens also opens, so it may stand among those as well.
        also = [word for word in self.reopens if word not in self.firing]
        words = [*self.firing, *also, *self.resolved, *self.ignored]
        if repeated := sorted({word for word in words if words.count(word) > 1}):
            raise ValueError(f"{', '.join(repeated)} cannot mean two things")
        if self.starts_at_is == "episode" and (self.starts_at is None or self.reopens):
            raise ValueError("starts_at_is: episode needs a starts_at: that moves, and no reopens:")
        paths = [self.status, self.delivery, self.starts_at, *self.incident]
        paths += [*self.labels.values(), *self.annotations.values()]
        if self.each is None and any(each and each.startswith("$.") for each in paths):
            raise ValueError("$. is the whole body beside each:, and there is no each: here")
        return self

    @property
    def tells_copies(self) -> bool:
        """True if each message has a name or a time by which a copy of it is known."""
        return self.delivery is not None or (self.starts_at is not None and not self.reopens)
