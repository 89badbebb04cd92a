"""Where a message stands in Slack."""

from __future__ import annotations

from cct_ops.models.base import Frozen


class Place(Frozen):
    """A message, by its channel's id and the timestamp that is its name there."""

    channel: str
    ts: str
