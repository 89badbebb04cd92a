"""The sandbox's time: the real one plus what the control API has added to it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch, which tests can move forward instead of sleeping."""

    def __init__(self) -> None:
        self._advanced_seconds = 0.0
        self.off_seconds = 0.0

    def now(self) -> float:
        """Return the present moment as CCT sees it."""
        return self.right() + self.off_seconds

    def right(self) -> float:
        """Return it as a clock says that is not off, such as those of others."""
        return time.time() + self._advanced_seconds

    def advance(self, seconds: float) -> None:
        """Let that many seconds pass at once."""
        self._advanced_seconds += seconds


def iso(moment: float) -> str:
    """Render a moment as CCT does: ISO 8601, UTC, milliseconds, ``Z``."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
