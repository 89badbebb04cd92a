"""How often a program may ask: at once so many times, and then so many in a second."""

from __future__ import annotations

import math
import time
from threading import Lock
from uuid import UUID

BURST = 60
A_SECOND = 5


class Limits:
    """What is left to each token at this board."""

    def __init__(self) -> None:
        self._left: dict[UUID, tuple[float, float]] = {}
        self._lock = Lock()

    def wait_seconds(self, token_id: UUID) -> int:
        """Count one request; returns 0, or how long to wait where there were too many."""
        now = time.monotonic()
        with self._lock:
            left, at = self._left.get(token_id, (float(BURST), now))
            left = min(float(BURST), left + (now - at) * A_SECOND)
            if left < 1:
                self._left[token_id] = left, now
                return math.ceil((1 - left) / A_SECOND)
            self._left[token_id] = left - 1, now
            return 0
