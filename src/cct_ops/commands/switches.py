"""``cct-ops stop``, ``resume``, ``hold``, ``release``, ``retry-key``: what people set by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from cyclopts import Parameter

from cct_ops.commands.here import ledger, person
from cct_ops.commands.moments import moment
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import say

# A year that is mistyped would take a target from automation for ever, and nobody would notice.
_LONGEST_HOLD = timedelta(days=30)

Reason = Annotated[str, Parameter(help="Why; kept in the record.")]


def stop(*, reason: Reason = "no reason given") -> int:
    """
    Let nothing new be changed, by any playbook, until `cct-ops resume`.

    Alerts are still taken in and diagnosed. What was changed is still put back.
    """
    from cct_ops.ledger.gate import switches

    switches.stop(ledger(), reason, person())
    _say("Stopped", "nothing new is changed until `cct-ops resume`.")
    return 0


def resume(*, reason: Reason = "no reason given") -> int:
    """Let playbooks change things again, under all other guards."""
    from cct_ops.ledger.gate import switches

    switches.resume(ledger(), reason, person())
    _say("Resumed", "the kill switch stops nothing any more; the other guards still do.")
    return 0


def hold(
    target: Annotated[str, Parameter(help="Such as /daily-summary.")],
    *,
    until: Annotated[str, Parameter(help="2h, 90m, 18:30 or 2026-11-24T18:30.")],
    reason: Reason,
) -> int:
    """
    Take a target over: automation leaves it alone until then, or until `cct-ops release`.

    A hold lasts 30 days at most.
    """
    from cct_ops.commands import names
    from cct_ops.config import policy
    from cct_ops.ledger.gate import switches
    from cct_ops.settings import Settings

    names.target(target, policy.read(Settings.load().policy_path))
    if not reason.strip():
        raise BadConfiguration("a hold needs a reason, for whoever comes upon it")
    now = datetime.now().astimezone()
    ends = moment(until, now)
    if ends - now > _LONGEST_HOLD:
        raise BadConfiguration(
            f"a hold lasts {_LONGEST_HOLD.days} days at most, and {ends:%Y-%m-%d %H:%M %Z} is later"
        )
    if not switches.hold(ledger(), target, ends, reason, person()):
        raise BadConfiguration(f"{ends:%Y-%m-%d %H:%M %Z} is over already")
    _say("Held", f"automation leaves {target} alone until {ends:%Y-%m-%d %H:%M %Z}.")
    return 0


def release(target: Annotated[str, Parameter(help="Such as /daily-summary.")]) -> int:
    """Give a held target back to automation."""
    from cct_ops.commands import names
    from cct_ops.ledger.gate import switches

    released = switches.release(ledger(), target, person())
    if not released:
        held = switches.held(ledger())
        if held:
            raise names.refused(target, held, "held target")
        raise BadConfiguration(f"nobody holds {target}, or anything else")
    _say("Released", f"nobody holds {target} any more.")
    for each in released:
        say(f"  held by {each.person}: {each.reason}")
    return 0


def retry_key() -> int:
    """
    Let a key that CCT refused be sent once more.

    A refused key is not sent again until it changes. Say so when CCT takes it by now.
    """
    from cct_ops.ledger.gate import refused_keys

    if refused_keys.forget(ledger()) == 0:
        _say("Nothing to do", "CCT has refused no key that is remembered here.")
    else:
        _say("Forgotten", "the next request to CCT carries X_API_KEY again, alone.")
    return 0


def _say(word: str, sentence: str) -> None:
    say((f"{word}: ", "bold"), sentence)
