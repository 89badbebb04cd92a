"""The command for people sends exactly what the operator sends, and runs as it stands."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import Any

import pytest

from cct_ops.actions.operator import CctOperator
from cct_ops.actions.registry import ACTIONS, by_hand, of
from cct_ops.clients.transport import CctTransport
from cct_ops.errors import OpsError
from cct_ops.models.plan import Call, Scalar
from cct_ops.sandbox.control import SandboxControl
from tests.clients.parts import ROUTE, RecordingChecker, permit
from tests.conftest import API_KEY

ARGUMENTS: dict[str, dict[str, Scalar]] = {
    "reset_canary": {"route": str(ROUTE)},
    "disable_canary": {"route": str(ROUTE)},
    "promote_canary": {"route": str(ROUTE)},
    "set_canary": {
        "route": str(ROUTE),
        "percentage": 25.5,
        "whitelist": "o'neill,b$(id)",
        "blacklist": "",
    },
    "set_slo_thresholds": {
        "p95_latency_ms": 6000.0,
        "error_rate_percent": 2.0,
        "availability_percent": 99.0,
    },
    "disable_auto_rollback": {},
    "enable_auto_rollback": {},
    "expire_exemptions": {},
    "revalidate_exemptions": {},
    "reset_exemptions": {},
    "set_rate_limit": {"endpoint": "bulkOperations", "max_requests": 20, "window_ms": 60000},
    "clear_rate_limits": {},
    "reset_user_limit": {"user": "o'neill & $(id)\"`id`"},
    "inject_fault": {
        "fault_id": "f-1",
        "mode": "latency",
        "latency_ms": 10.0,
        "error_percent": 0.0,
        "timeout_percent": 0.0,
        "ttl_seconds": 5.0,
    },
    "remove_fault": {"fault_id": "f-1"},
}
# Any other action has an example in each of its fields.
ARGUMENTS |= {
    method: {name: (each.examples or [""])[0] for name, each in action.model_fields.items()}
    for method, action in ACTIONS.items()
    if action.system == "CCT" and method not in ARGUMENTS
}

GITHUB: dict[str, tuple[dict[str, Scalar], str | None]] = {
    "set_variable": (
        {"name": "MODE", "value": "a $(b)"},
        "gh variable set MODE '--body=a $(b)' --repo \"$GITHUB_REPOSITORY\"",
    ),
    "delete_variable": ({"name": "MODE"}, 'gh variable delete MODE --repo "$GITHUB_REPOSITORY"'),
    "dispatch_workflow": (
        {"workflow": "deploy.yml", "ref": "main", "after_run_id": 7},
        'gh workflow run deploy.yml --ref=main --repo "$GITHUB_REPOSITORY"',
    ),
    "withdraw_change": (
        {"branch": "fix/a"},
        'gh pr close fix/a --delete-branch --repo "$GITHUB_REPOSITORY"',
    ),
    "open_issue": (
        {"title": "Week 3", "body": "too `many`"},
        "gh issue create '--title=Week 3' '--body=too `many`' --repo \"$GITHUB_REPOSITORY\"",
    ),
    "close_issue": ({"title": "Week 3"}, None),  # gh closes by number
    "propose_change": (
        {"path": "schema.json", "patch": "[]", "base_sha": "a", "branch": "b", "title": "t"},
        None,
    ),
}


def methods(system: str) -> list[str]:
    """Name the actions on a system."""
    return sorted(method for method, action in ACTIONS.items() if action.system == system)


def sent(sandbox: SandboxControl) -> list[tuple[Any, ...]]:
    """Return the changes that were asked for, whatever came of them."""
    return [
        (seen.method, seen.path, seen.query, seen.body)
        for seen in sandbox.requests()
        if seen.method != "GET"
    ]


@pytest.mark.parametrize("method", methods("CCT"))
def test_a_command_sends_what_the_operator_sends(
    method: str, sandbox: SandboxControl, transport: CctTransport
) -> None:
    """Whatever an argument holds, the shell does not read it."""
    call = Call(method=method, arguments=ARGUMENTS[method])
    with suppress(OpsError):  # what the sandbox makes of it is not the matter here
        CctOperator(permit(), RecordingChecker(), transport).perform(call)
    (wanted,) = sent(sandbox)

    command = by_hand(call)
    assert command is not None
    environment = os.environ | {
        "CCT_URL": sandbox.base_url,
        "X_API_KEY": API_KEY,
        "NO_PROXY": "127.0.0.1",
    }
    subprocess.run(["bash", "-c", command], env=environment, check=False, capture_output=True)

    assert sent(sandbox) == [wanted, wanted]


@pytest.mark.parametrize("method", methods("GitHub"))
def test_what_is_changed_on_github_is_done_with_its_own_tool(method: str) -> None:
    """Except for what no single command does: a pull request from a patch, an issue by title."""
    arguments, command = GITHUB[method]

    call = Call(method=method, arguments=arguments)

    assert by_hand(call) == of(call).by_hand() == command
