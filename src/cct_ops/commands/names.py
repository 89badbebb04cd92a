"""Names as people type them: what does not exist is refused, with what is spelt nearly so."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
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
    """Return the name of a target; raises ``BadConfiguration`` unless a playbook may change it."""
    from cct_ops.config import targets

    if targets.is_one(given, policy):
        return given
    other = [each for each in targets.patterns(policy) if not each.startswith("/")]
    known = {*targets.known(policy), *other}
    raise refused(given, known, "target", more=", so no playbook may change it anyway")
