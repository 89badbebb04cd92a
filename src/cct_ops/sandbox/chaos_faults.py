"""Faults that were injected through the chaos API: their duration, targets and effects."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from cct_ops.models.chaos import Injection
from cct_ops.sandbox.inputs import Fault
from cct_ops.sandbox.traffic import Profile

EVERYTHING = ("data/symbols", "reports/", "sentiment/")
TARGETS = {
    "latency": EVERYTHING,
    "fred-outage": ("reports/", "sentiment/"),
    "kv-partial": ("data/symbols", "reports/"),
    "circuit-breaker": ("sentiment/",),
    "all": EVERYTHING,
}


@dataclass
class Injected:
    """One fault with its time; reproducible chance decides which requests it concerns."""

    id: str
    injection: Injection
    since: float
    until: float
    dice: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311

    def faults_for(self, name: str) -> list[Fault]:
        """Return its effects on a request for ``name``."""
        if not name.startswith(TARGETS[self.injection.mode]):
            return []
        found, rolled = [], self.dice.random() * 100
        if self.injection.latency_ms:
            found.append(Fault(latency_ms=self.injection.latency_ms))
        if rolled < self.injection.timeout_percent:
            found.append(Fault(timeout=True))
        elif rolled < self.injection.timeout_percent + self.injection.error_percent:
            found.append(Fault(error_status=503))
        return found

    def degrade(self, profile: Profile) -> Profile:
        """Return the performance of a side of a page with it."""
        errors = self.injection.error_percent
        lost = errors + self.injection.timeout_percent
        return {
            "p95_latency_ms": profile["p95_latency_ms"] + self.injection.latency_ms,
            "error_rate_percent": min(100.0, profile["error_rate_percent"] + errors),
            "availability_percent": max(0.0, profile["availability_percent"] - lost),
        }


@dataclass
class Chaos:
    """All faults, those that have ended too, and how this CCT reacts to them."""

    environment: str = "staging"
    rolls_back_after_seconds: float = 60  # CCT's own never wakes; the runbook's promise is this
    monitored: bool = True
    faults: list[Injected] = field(default_factory=list)

    def live(self, now: float) -> list[Injected]:
        """Return the faults that are in effect."""
        return [fault for fault in self.faults if fault.since <= now < fault.until]

    def inject(self, fault_id: str, injection: Injection, now: float, seconds: float) -> None:
        """Put a fault into effect; one of the same id is replaced."""
        self.remove(fault_id, now)
        self.faults.append(Injected(fault_id, injection, now, now + seconds))

    def remove(self, fault_id: str, now: float) -> bool:
        """End a fault; return True if there was one."""
        ended = [fault for fault in self.live(now) if fault.id == fault_id]
        for fault in ended:
            fault.until = now
        return bool(ended)

    def faults_for(self, name: str, now: float) -> list[Fault]:
        """Return the effects of all of them on a request for ``name``."""
        return [effect for fault in self.live(now) for effect in fault.faults_for(name)]

    def degraded(self, profile: Profile, now: float) -> Profile:
        """Return the performance of a side of a page under the present faults."""
        for fault in self.live(now):
            profile = fault.degrade(profile)
        return profile
