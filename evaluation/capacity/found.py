"""What the model saw."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Found:
    """What the model saw: ages in seconds with the moments at which they were known."""

    accepted: list[float] = field(default_factory=list)
    first_looks: list[float] = field(default_factory=list)
    run_seconds: list[float] = field(default_factory=list)
    created: int = 0
    alerts: int = 0
    deliveries: int = 0
    refused: int = 0
    stored: int = 0
    grouped: int = 0
    incidents: int = 0
    woken: int = 0
    """How many times controllers were, by a transaction that opened anything."""
    wanted: int = 0
    begun: int = 0
    ended: int = 0
    repaired: int = 0
    most_at_once: int = 0
