"""CCT's simulation of who would get the canary: its hash, its buckets, its reasons."""

from __future__ import annotations

import re

from cct_ops.sandbox.canary_store import Config
from cct_ops.sandbox.envelope import Json


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
