"""Names as people type them: what does not exist is refused, with what is spelt nearly so."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from cct_ops.errors import BadConfiguration
from cct_ops.terminal import visible

if TYPE_CHECKING:
    from cct_ops.config.policy import Policy

_SHOWN = 12
_LONGEST = 80


def refused(given: str, known: Iterable[str], what: str, more: str = "") -> BadConfiguration:
    """Return the error for a name that is none, with the nearest ones that are."""
    names = sorted(set(known))
    nearest = difflib.get_close_matches(given, names, n=3, cutoff=0.6)
    if nearest:
        hint = f"did you mean {' or '.join(map(visible, nearest))}?"
    elif names:
        cut = ", ..." if len(names) > _SHOWN else ""
        hint = f"known are {', '.join(map(visible, names[:_SHOWN]))}{cut}"
    else:
        hint = "none is known"
    return BadConfiguration(f"there is no {what} {visible(given, _LONGEST)}{more}: {hint}")


def playbook(given: str, policy: Policy) -> str:
    """Return the name of a playbook; raises ``BadConfiguration`` unless the policy has it."""
    if given not in policy.playbooks:
        raise refused(given, policy.playbooks, "playbook")
    return given


def target(given: str, policy: Policy) -> str:
    """
    Return the name of a target; raises ``BadConfiguration`` unless some playbook may change it.

    A pattern for pages stands for the pages that CCT has; one of other names, such as those of
    workflows, for whatever it matches.
    """
    from cct_ops.models.base import matches

    patterns = [each for rules in policy.playbooks.values() for each in rules.targets]
    known = set(targets(patterns))
    other = [each for each in patterns if not each.startswith("/")]
    if given in known or matches(given, other):
        return given
    raise refused(given, known | set(other), "target", more=", so no playbook may change it anyway")


def targets(patterns: Collection[str]) -> list[str]:
    """Return the names that the patterns stand for, as far as they are known."""
    from cct_ops.models.base import matches
    from cct_ops.models.cct import Route

    plain = [each for each in patterns if "*" not in each]
    return [*plain, *(route.value for route in Route if matches(route, patterns))]
