"""The truth about what playbooks change, as a sandbox has it, and what was asked of it."""

from __future__ import annotations

from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios.seeds import ROUTE


def canary(sandbox: SandboxControl) -> object:
    """Return whether the canary is on, and its share."""
    route = sandbox.state().routes[ROUTE]
    return route.enabled, route.percentage if route.enabled else None


def exemptions(sandbox: SandboxControl) -> object:
    """Every exemption, and what CCT lists."""
    return sandbox.state().exemptions


def limit(sandbox: SandboxControl) -> object:
    """Return the limit of every class of requests."""
    return sandbox.state().rate_limits.limits


def starved(sandbox: SandboxControl) -> object:
    """Return the users who are refused although they ask for little."""
    return sandbox.state().rate_limits.starved


def rules(sandbox: SandboxControl) -> object:
    """Return the rules by which a canary is pulled."""
    state = sandbox.state()
    return state.auto_rollback_enabled, state.slo_thresholds


def faults(sandbox: SandboxControl) -> object:
    """Return the faults that were injected."""
    return sandbox.state().chaos_faults


def canary_and_faults(sandbox: SandboxControl) -> object:
    """Both that a simulated breach takes."""
    return canary(sandbox), faults(sandbox)


def issues(sandbox: SandboxControl) -> object:
    """The issues that are open."""
    return [issue for issue in sandbox.github().issues if issue.state == "open"]


def repository(sandbox: SandboxControl) -> object:
    """The branches, the open pull requests and the variables."""
    state = sandbox.github()
    return state.branches, [each for each in state.pulls if each.state == "open"], state.variables


def deployments(sandbox: SandboxControl) -> object:
    """The runs of workflows."""
    return sandbox.github().runs


def writes(sandbox: SandboxControl) -> list[str]:
    """Every change that was asked for: the method, and where its path begins."""
    of_cct = [f"{each.method} {each.path.removeprefix('/api/v1/')}" for each in sandbox.writes()]
    of_github = [each.replace("example/cct/", "") for each in sandbox.github().writes]
    return ["/".join(each.split("/")[:2]) for each in [*of_cct, *of_github]]
