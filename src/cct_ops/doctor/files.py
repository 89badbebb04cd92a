"""The configuration files: read exactly as the gateway and the controller read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cct_ops.config import policy, yaml_files
from cct_ops.config.approvers import Approver, Approvers
from cct_ops.config.secret_references import read_secret
from cct_ops.config.sources import Sources
from cct_ops.controller import playbooks
from cct_ops.controller.routes import read_routes
from cct_ops.doctor.finding import Check, Finding, Sign
from cct_ops.errors import BadConfiguration
from cct_ops.gateway.senders.keys import read_keys
from cct_ops.models.base import counted
from cct_ops.settings import Settings

_FIX = "Correct the line that is named."


def checks(settings: Settings) -> Iterator[Check]:
    """Yield one check for each file."""
    yield Check("sources", lambda: [_sources(settings)], _FIX)
    yield Check("routes", lambda: [_routes(settings.routes_path)], _FIX)
    yield Check("policy", lambda: [_policy(settings.policy_path)], _FIX)
    yield Check("approvers", lambda: [_approvers(settings.approvers_path)], _FIX)


def _sources(settings: Settings) -> Finding:
    path = settings.sources_path
    sources = yaml_files.load(path, Sources)
    seen = f"{path}: {', '.join(sources.sources)}"
    try:
        read_keys(path, sources)
    except BadConfiguration as error:
        # Without a ledger there is no gateway that these keys could be for.
        sign = Sign.BROKEN if settings.database_url else Sign.LIMITED
        fix = "Set that key in the gateway's environment; `cct-ops up` makes one by itself."
        return Finding(part="sources", sign=sign, seen=str(error), fix=fix)
    if doubts := sources.doubts():
        fix = "Declare delivery: or starts_at: if the sender has them; else know the rule."
        return Finding(part="sources", sign=Sign.LIMITED, seen=" ".join(doubts.values()), fix=fix)
    return Finding(part="sources", sign=Sign.WELL, seen=seen)


def _routes(path: Path) -> Finding:
    rules = read_routes(path).rules
    started = {rule.playbook for rule in rules if rule.playbook}
    seen = f"{path}: {counted(len(rules), 'rule')} for {counted(len(started), 'playbook')}"
    return Finding(part="routes", sign=Sign.WELL, seen=seen)


def _policy(path: Path) -> Finding:
    """
    Read the policy, and look whether prefect.yaml has each playbook that it names.

    To the gate a name that is spelt wrong is no error: the playbook that is meant only observes.
    """
    rules = policy.read(path).playbooks
    if registry := playbooks.beside(path):
        deployments = playbooks.read(registry)
        for name in sorted(rules.keys() - deployments.keys()):
            raise playbooks.unknown(yaml_files.place(path, "playbooks", name), name, deployments)
    ceilings = [each.ceiling.value for each in rules.values()]
    modes = ", ".join(f"{ceilings.count(mode)} {mode}" for mode in sorted(set(ceilings)))
    seen = f"{path}: {counted(len(ceilings), 'playbook')}, {modes}"
    return Finding(part="policy", sign=Sign.WELL, seen=seen)


def _approvers(path: Path) -> Finding:
    known = yaml_files.load(path, Approvers).approvers
    unreached = [each.id for each in known if not _has_address(each)]
    seen = f"{path}: {', '.join(each.id for each in known)}"
    if not unreached:
        return Finding(part="approvers", sign=Sign.WELL, seen=seen)
    return Finding(
        part="approvers",
        sign=Sign.LIMITED,
        seen=f"{seen}; no address is known here for the links of {', '.join(unreached)}",
        fix="Set the variable or file of their `webhook:` for the gateway.",
    )


def _has_address(approver: Approver) -> bool:
    """Return True if links reach this person; who has Slack's buttons alone needs none."""
    if approver.webhook is None:
        return True
    try:
        return bool(read_secret(approver.webhook))
    except (OSError, UnicodeDecodeError):
        return False
