"""The configuration files: read exactly as the gateway and the controller read them."""

from __future__ import annotations

from collections.abc import Iterator

from cct_ops.config import policy as policies, yaml_files
from cct_ops.config.approvers import Approver, Approvers
from cct_ops.config.secret_references import read_secret
from cct_ops.config.sources import Sources
from cct_ops.controller import playbooks
from cct_ops.controller.routes import read_routes
from cct_ops.doctor.check import Result, Sign
from cct_ops.errors import BadConfiguration
from cct_ops.gateway.senders.keys import read_keys
from cct_ops.models.base import counted
from cct_ops.settings import Settings


def sources(settings: Settings) -> Iterator[Result]:
    """Read the senders, and look whether their keys are here."""
    path = settings.sources_path
    known = yaml_files.load(path, Sources)
    try:
        read_keys(path, known)
    except BadConfiguration as error:
        # Without a ledger there is no gateway that these keys could be for.
        sign = Sign.BROKEN if settings.database_url else Sign.LIMITED
        fix = "Set that key in the gateway's environment; `cct-ops up` makes one by itself."
        yield Result("sources", sign, str(error), fix)
        return
    if doubts := known.doubts():
        fix = "Declare delivery: or starts_at: if the sender has them; else know the rule."
        yield Result("sources", Sign.LIMITED, " ".join(doubts.values()), fix)
    else:
        yield Result("sources", Sign.WELL, f"{path}: {', '.join(known.sources)}")


def routes(settings: Settings) -> Iterator[Result]:
    """Read the routes."""
    path = settings.routes_path
    rules = read_routes(path).rules
    started = {rule.playbook for rule in rules if rule.playbook}
    seen = f"{path}: {counted(len(rules), 'rule')} for {counted(len(started), 'playbook')}"
    yield Result("routes", Sign.WELL, seen)


def policy(settings: Settings) -> Iterator[Result]:
    """
    Read the policy, and look whether prefect.yaml has each playbook that it names.

    To the gate a name that is spelt wrong is no error: the playbook that is meant only observes.
    """
    path = settings.policy_path
    rules = policies.read(path).playbooks
    if registry := playbooks.beside(path):
        deployments = playbooks.read(registry)
        for name in sorted(rules.keys() - deployments.keys()):
            raise playbooks.unknown(yaml_files.place(path, "playbooks", name), name, deployments)
    ceilings = [each.ceiling.value for each in rules.values()]
    modes = ", ".join(f"{ceilings.count(mode)} {mode}" for mode in sorted(set(ceilings)))
    yield Result("policy", Sign.WELL, f"{path}: {counted(len(ceilings), 'playbook')}, {modes}")


def approvers(settings: Settings) -> Iterator[Result]:
    """Read the approvers, and look whether links reach them."""
    path = settings.approvers_path
    known = yaml_files.load(path, Approvers).approvers
    unreached = [each.id for each in known if not _has_address(each)]
    seen = f"{path}: {', '.join(each.id for each in known)}"
    if unreached:
        seen += f"; no address is known here for the links of {', '.join(unreached)}"
        fix = "Set the variable or file of their `webhook:` for the gateway."
        yield Result("approvers", Sign.LIMITED, seen, fix)
    else:
        yield Result("approvers", Sign.WELL, seen)


def _has_address(approver: Approver) -> bool:
    """Return True if links reach this person; who has Slack's buttons alone needs none."""
    if approver.webhook is None:
        return True
    try:
        return bool(read_secret(approver.webhook))
    except (OSError, UnicodeDecodeError):
        return False
