"""
CCT's key-value store for the canary, with its two habits, and its simulation of who would get it.

A written configuration lives 3600 s and then falls back to the default by itself. A write becomes
visible to reads at once, or later while a ``read_lag_seconds`` fault is set.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from typing import Generic, TypeVar

from cct_ops.sandbox.clock import Clock, iso
from cct_ops.sandbox.envelope import Json
from cct_ops.sandbox.faults import Effects

CONFIG_TTL_SECONDS = 3600
DEFAULT_SHARE = 20
TOGGLE = "canary_toggle"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Config:
    """One route's canary as CCT stores it; a percentage of None is JavaScript's NaN."""

    enabled: bool = False
    percentage: float | None = 0
    whitelist: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)

    def wire(self) -> Json:
        """Render as CCT's ``CanaryConfig``."""
        return asdict(self)

    def disabled(self, at: float) -> Config:
        """Switch off; who did it is not recorded, and the older metadata stays."""
        metadata = self.metadata | {"disabled_at": iso(at), "disabled_by": TOGGLE}
        return replace(self, enabled=False, percentage=0, metadata=metadata)

    @property
    def share(self) -> float:
        """The fraction of the route's traffic that the canary really gets."""
        return (self.percentage or 0) / 100 if self.enabled else 0.0


def enabled(percentage: float | None, at: float) -> Config:
    """Make the configuration that CCT's toggle writes when it enables a canary."""
    return Config(True, percentage, metadata={"enabled_at": iso(at), "enabled_by": TOGGLE})


def default(route: str) -> Config:
    """Make the configuration of a route that nobody has configured, or whose entry expired."""
    title = route.strip("/").replace("-", " ").capitalize()
    return Config(metadata={"description": f"{title} HTML report"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A configuration, since when it holds, who made it so, and the share to reset to."""

    config: Config
    since: float
    configured_share: float | None = DEFAULT_SHARE
    changed_by: str = "default"


class Lagged(Generic[T]):
    """
    A value whose writers are ahead of its readers.

    By how much is a length of time: it stays what it is when CCT's own clock is set.
    """

    def __init__(self, value: T, clock: Clock) -> None:
        self._clock = clock
        self.settle(value)

    @property
    def latest(self) -> T:
        """The value as last written."""
        return self._versions[-1][0]

    @property
    def visible(self) -> T:
        """The newest value that has arrived where reads happen."""
        now = self._clock.right()
        return next(value for value, since in reversed(self._versions) if since <= now)

    def put(self, value: T, effects: Effects) -> None:
        """Write as the request's faults let it: seen later, or forgotten."""
        if not effects.drop_writes:
            self._versions.append((value, self._clock.right() + effects.read_lag_seconds))

    def settle(self, value: T) -> None:
        """Write and let every reader see it at once, whatever was still on its way."""
        self._versions = [(value, float("-inf"))]


class CanaryStore:
    """Every route's canary configuration, as written and as seen."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_at = clock.now()
        self._routes: dict[str, Lagged[Entry]] = {}

    def _lagged(self, route: str) -> Lagged[Entry]:
        fresh = Lagged(Entry(default(route), self._started_at), self._clock)
        return self._routes.setdefault(str(route), fresh)

    def _unexpired(self, route: str, entry: Entry) -> Entry:
        expires_at = entry.since + CONFIG_TTL_SECONDS
        if entry.changed_by == "default" or self._clock.now() < expires_at:
            return entry
        return Entry(default(route), expires_at, entry.configured_share)

    def written(self, route: str) -> Entry:
        """Return the truth about a route."""
        return self._unexpired(route, self._lagged(route).latest)

    def seen(self, route: str) -> Entry:
        """Return what a read of the route answers, which may lag behind the truth."""
        return self._unexpired(route, self._lagged(route).visible)

    def write(
        self, route: str, config: Config, effects: Effects, *, share: float | None = None
    ) -> None:
        """Store what an API request wrote; ``share`` also becomes the configured share."""
        kept = self.written(route).configured_share
        entry = Entry(config, self._clock.now(), kept if share is None else share, "api")
        self._lagged(route).put(entry, effects)

    def settle(self, route: str, entry: Entry) -> None:
        """Put a route into a state from outside the API, seen at once."""
        self._lagged(route).settle(entry)


def simulate(route: str, config: Config, users: int) -> Json:
    """Assign so many invented users to the canary or to stable."""
    distribution = []
    for number in range(users):
        in_canary, reason = _assign(f"key-user-{number}", route, config)
        entry = {"userId": f"user-{number}", "isInCanary": in_canary, "reason": reason}
        distribution.append(entry)
    on_canary = sum(bool(entry["isInCanary"]) for entry in distribution)
    return {
        "total_users": users,
        "canary_users": on_canary,
        "stable_users": users - on_canary,
        "canary_percentage": config.percentage,
        "distribution": distribution,
    }


def _assign(api_key: str, route: str, config: Config) -> tuple[bool, str]:
    user = str(_hash(api_key))
    if not config.enabled:
        return False, "feature_disabled"
    if _listed(user, config.whitelist):
        return True, "whitelisted"
    if _listed(user, config.blacklist):
        return False, "blacklisted"
    if _hash(f"{user}:{route}") % 100 < (config.percentage or 0):
        return True, "percentage_rollout"
    return False, "percentage_exclude"


def _listed(user: str, patterns: tuple[str, ...]) -> bool:
    wild = (re.escape(p).replace(r"\*", ".*") for p in patterns if "*" in p)
    return user in patterns or any(re.search(pattern, user) for pattern in wild)


def _hash(text: str) -> int:
    """Hash as CCT does: times 31 in signed 32-bit arithmetic, then without its sign."""
    value = 0
    for character in text:
        value = (value * 31 + ord(character)) & 0xFFFFFFFF
    return abs(value - 0x1_0000_0000 if value >= 0x8000_0000 else value)
