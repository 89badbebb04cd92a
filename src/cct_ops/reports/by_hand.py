"""The command that does by hand what a call of a plan does, exactly as a person would type it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from urllib.parse import urlencode

from cct_ops.models.plan import Call, Scalar

# What is sent without a body, as the path below /api/v1/; arguments go into the query.
_BARE = {
    "reset_canary": "canary/reset",
    "disable_canary": "canary/disable",
    "promote_canary": "canary/promote",
    "disable_auto_rollback": "canary/disable-auto-rollback",
    "enable_auto_rollback": "canary/enable-auto-rollback",
    "expire_exemptions": "exemptions/cleanup",
    "revalidate_exemptions": "exemptions/revalidate",
    "reset_exemptions": "exemptions/reset",
    "clear_rate_limits": "rate-limit/clear",
    "reset_user_limit": "rate-limit/reset",
}
_LIMIT = {"max_requests": "maxRequests", "window_ms": "windowMs"}


def by_hand(call: Call) -> str | None:
    """Return the command, in the runbook's own dialect of CCT; None where one does not do it."""
    given = call.arguments
    verb = "POST"
    body: Mapping[str, object] | None = None
    match call.method:
        case method if method in _BARE:
            path = _BARE[method] + (f"?{urlencode(sorted(given.items()))}" if given else "")
        case "set_canary":
            path, body = "canary/update", _canary(given)
        case "set_slo_thresholds":
            path, body = "canary/config", {"slo_thresholds": given}
        case "set_rate_limit":
            path, body = "rate-limit/config", _renamed(given, _LIMIT)
        case "inject_fault":
            path, body = "chaos/faults", _renamed(given, {"fault_id": "id"})
        case "remove_fault":
            verb, path = "DELETE", f"chaos/faults/{given['fault_id']}"
        case _:
            return _gh(call.method, given)
    return _curl(verb, path, body)


def _canary(given: Mapping[str, Scalar]) -> dict[str, object]:
    lists = {
        name: [each for each in str(given[name]).split(",") if each]
        for name in ("whitelist", "blacklist")
    }
    return {**given, "enabled": True, **lists}


def _renamed(given: Mapping[str, Scalar], names: Mapping[str, str]) -> dict[str, object]:
    return {names.get(name, name): value for name, value in given.items()}


def _curl(method: str, path: str, body: Mapping[str, object] | None) -> str:
    words = f'curl -fsS -X {method} -H "X-API-Key: $X_API_KEY"'
    if body is not None:
        words += f" -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}"
    # the variable in double quotes, the rest in its own: a value must not reach the shell
    return f'{words} "$CCT_URL"{shlex.quote(f"/api/v1/{path}")}'


def _gh(method: str, given: dict[str, Scalar]) -> str | None:
    words = {
        "set_variable": ("variable", "set", "{name}", "--body={value}"),
        "delete_variable": ("variable", "delete", "{name}"),
        "dispatch_workflow": ("workflow", "run", "{workflow}", "--ref={ref}"),
        "open_issue": ("issue", "create", "--title={title}", "--body={body}"),
        "withdraw_change": ("pr", "close", "{branch}", "--delete-branch"),
    }.get(method)
    if words is None:
        return None
    plain = [word.format(**given) for word in words]
    return f'gh {shlex.join(plain)} --repo "$GITHUB_REPOSITORY"'
