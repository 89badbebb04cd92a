"""What a sender sees: one delivery after another, and how long each was on its way."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import NamedTuple

import httpx

from evaluation.cluster.config import KEY
from evaluation.soak import bodies

_EVERY_SECONDS = 0.5
_PATIENCE_SECONDS = 30.0
QUICK_SECONDS = 1.0
_IN_A_ROW = 3


class Sent(NamedTuple):
    """One delivery, answered or not."""

    at: float
    seconds: float
    accepted: bool


@dataclass
class Probe:
    """Sends the same alert again and again, beside the load, and remembers how it went."""

    hook: str
    sent: list[Sent] = field(default_factory=list)

    def run(self, over: threading.Event) -> None:
        """Send until the end."""
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        alert = bodies.alert(0, datetime.now(UTC))
        alert["labels"] = {"alertname": "Probe", "instance": "probe", "severity": "info"}
        with httpx.Client(timeout=_PATIENCE_SECONDS, trust_env=False) as client:
            for number in count():
                if over.is_set():
                    return
                began = time.monotonic()
                try:
                    body = bodies.body([alert], f"probe-{number}")
                    accepted = client.post(self.hook, content=body, headers=headers).is_success
                except httpx.TransportError:
                    accepted = False
                self.sent.append(Sent(began, time.monotonic() - began, accepted))
                over.wait(_EVERY_SECONDS)

    def longest_since(self, moment: float) -> float:
        """Return how long a sender had to wait for a yes at most, its own repeats included."""
        longest, waiting = 0.0, None
        for each in list(self.sent):
            if each.at + each.seconds < moment:
                continue
            waiting = each.at if waiting is None else waiting
            if each.accepted:
                longest, waiting = max(longest, each.at + each.seconds - waiting), None
        return longest if waiting is None else max(longest, time.monotonic() - waiting)

    def is_quick_since(self, moment: float) -> bool:
        """Say whether the last few that began since then were accepted at once."""
        last = [each for each in list(self.sent) if each.at >= moment][-_IN_A_ROW:]
        quick = [each for each in last if each.accepted and each.seconds < QUICK_SECONDS]
        return len(quick) == _IN_A_ROW
