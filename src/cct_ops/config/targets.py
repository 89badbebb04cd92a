"""The targets that playbooks may change, as far as the policy names them."""

from __future__ import annotations

from collections.abc import Collection

from cct_ops.config.policy import Policy
from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Pattern, matches
from cct_ops.models.cct import Route


def patterns(policy: Policy) -> list[str]:
    """Return what the policy lists, for all playbooks."""
    return [each for rules in policy.playbooks.values() for each in rules.targets]


def names(listed: Collection[str]) -> list[str]:
    """Return the names that patterns stand for: one for pages means the pages that CCT has."""
    plain = [each for each in listed if "*" not in each]
    return [*plain, *(route.value for route in Route if matches(route, listed))]


def known(policy: Policy) -> list[str]:
    """Return the names of all targets, each once."""
    return sorted(set(names(patterns(policy))))


def checked_patterns(given: Collection[str], policy: Policy) -> tuple[Pattern, ...]:
    """Return patterns of targets; raises ``BadConfiguration`` for one that is about none."""
    found = known(policy)
    for each in given:
        if each != "*" and not (any(matches(one, [each]) for one in found) or is_one(each, policy)):
            raise BadConfiguration(f"no playbook changes anything called {each}")
    if not given:
        raise BadConfiguration("name the targets, or * for all of them")
    return tuple(dict.fromkeys(given))


def is_one(target: str, policy: Policy) -> bool:
    """Say whether some playbook may change it; what no page is called may match a pattern."""
    listed = patterns(policy)
    other = [each for each in listed if not each.startswith("/")]
    return target in names(listed) or matches(target, other)
