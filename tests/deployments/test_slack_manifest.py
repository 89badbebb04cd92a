"""The Slack app that people paste asks for what our code uses, and for nothing else."""

from __future__ import annotations

import ast
import re
from urllib.parse import urlsplit

import yaml
from fastapi.routing import APIRoute

from cct_ops.gateway.approvals.slack_buttons import router
from tests.conftest import ROOT

MANIFEST = yaml.safe_load((ROOT / "deployments" / "slack-manifest.yaml").read_text())

# https://docs.slack.dev/reference/methods: the scope that a bot needs for each method.
SCOPES: dict[str, str | None] = {
    "auth.test": None,
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.open": "im:write",
    "conversations.history": "channels:history",
    "reactions.add": "reactions:write",
    "users.info": "users:read",
    "users.lookupByEmail": "users:read.email",
    "views.open": None,
}
# https://docs.slack.dev/reference/app-manifest: the keys that we use, at most.
KNOWN = {
    "display_information": {"name", "description", "background_color"},
    "features": {"bot_user", "app_home"},
    "oauth_config": {"scopes"},
    "settings": {
        "interactivity",
        "org_deploy_enabled",
        "socket_mode_enabled",
        "token_rotation_enabled",
    },
}


def methods_called() -> set[str]:
    """Return the methods of Slack's Web API that any code of ours calls through its client."""
    found = set()
    for path in (*(ROOT / "src").rglob("*.py"), *(ROOT / "tasks").rglob("*.py")):
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Attribute):
                continue
            name = node.attr.replace("_", ".", 1)
            if name in SCOPES and isinstance(node.value, ast.Name) and node.value.id == "client":
                found.add(name)
    return found


def test_its_scopes_are_those_of_the_methods_that_we_call() -> None:
    called = methods_called()

    assert called == {"auth.test", "chat.postMessage", "chat.update"}
    needed = {SCOPES[method] for method in called} - {None}
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed


def test_every_call_of_the_web_api_is_one_whose_scope_is_known() -> None:
    """Else a new one would need a scope that the test above does not see."""
    text = (ROOT / "src/cct_ops/clients/slack.py").read_text()

    calls = {
        each.replace("_", ".", 1) for each in re.findall(r"\bclient\.([a-z]+_[A-Za-z]+)\(", text)
    }
    assert calls == methods_called()


def test_buttons_come_to_the_address_that_the_gateway_answers() -> None:
    # its address alone
    (route,) = [
        each
        for each in router(None).routes  # type: ignore[arg-type]
        if isinstance(each, APIRoute)
    ]

    interactivity = MANIFEST["settings"]["interactivity"]
    address = urlsplit(interactivity["request_url"])
    assert interactivity["is_enabled"] is True
    assert (address.scheme, address.path) == ("https", route.path)
    assert MANIFEST["settings"]["socket_mode_enabled"] is False


def test_it_says_what_slack_knows_and_fits_its_limits() -> None:
    assert MANIFEST.keys() == KNOWN.keys()
    for part, keys in KNOWN.items():
        assert MANIFEST[part].keys() == keys
    shown = MANIFEST["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert re.fullmatch(r"#[0-9a-f]{6}", shown["background_color"])
    assert len(MANIFEST["features"]["bot_user"]["display_name"]) <= 80


def test_people_are_told_where_it_is() -> None:
    words = (ROOT / "docs" / "communication.md").read_text()

    assert "(../deployments/slack-manifest.yaml)" in words
    for variable in ("SLACK_BOT_TOKEN", "CCT_OPS_SLACK_CHANNEL", "CCT_OPS_SLACK_SIGNING_SECRET"):
        assert variable in words
