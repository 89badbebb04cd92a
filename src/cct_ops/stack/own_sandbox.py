"""What the parts of a stack are given where its own sandbox stands in CCT's place."""

from __future__ import annotations

from collections.abc import Mapping

API_KEY = "sandbox-key"
# By it alone the board knows that what it may break is this stack's own sandbox.
ADDRESS = "CCT_OPS_SANDBOX_URL"
_BOT = "xoxb-sandbox"


# The production watch takes minutes; nobody wants to sit through that where nothing is at stake.
PACE = {"CCT_OPS_WATCH_SECONDS": "8", "CCT_OPS_MIN_SAMPLES": "5", "CCT_OPS_SETTLE_SECONDS": "10"}


def variables(given: Mapping[str, str], *, isolated: bool) -> dict[str, str]:
    """
    Return what goes without saying there; whatever is given goes before it.

    An isolated stack is for a purpose of its own, which says how long it watches.
    """
    sandbox = given["CCT_URL"]
    found = _messages(sandbox) | _bot(given)
    return found if isolated else found | _github(given) | PACE


def _messages(sandbox: str) -> dict[str, str]:
    """Let people's messages end in the sandbox too: http://<sandbox>/slack shows them."""
    return {
        "SLACK_WEBHOOK_URL": f"{sandbox}/slack/incidents",
        "CCT_OPS_SLACK_RESPONSE_BASE": sandbox,
        "CCT_OPS_WEBHOOK_ON_CALL": f"{sandbox}/slack/on-call",
        "CCT_OPS_WEBHOOK_LEAD": f"{sandbox}/slack/lead",
        "CCT_OPS_WEBHOOK_PRODUCT_OWNER": f"{sandbox}/slack/product-owner",
        "CCT_OPS_STATUS_PAGE_URL": f"{sandbox}/status-page",
    }


def _bot(given: Mapping[str, str]) -> dict[str, str]:
    """Let threads be made in the sandbox, unless messages are meant for a Slack outside."""
    if given.get("SLACK_WEBHOOK_URL") or given.get("SLACK_BOT_TOKEN"):
        return {}
    return {
        "SLACK_BOT_TOKEN": _BOT,
        "CCT_OPS_SLACK_CHANNEL": "incidents",
        "CCT_OPS_SLACK_API_URL": f"{given['CCT_URL']}/slack/api/",
    }


def _github(given: Mapping[str, str]) -> dict[str, str]:
    """Let the repository be the sandbox's, unless something is said of one outside."""
    if any(given.get(name) for name in ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GH_TOKEN")):
        return {}
    return repository(given["CCT_URL"])


def repository(sandbox: str) -> dict[str, str]:
    """Return the way to the repository that a sandbox has."""
    return {
        "GITHUB_API_URL": f"{sandbox}/github",
        "GITHUB_REPOSITORY": "example/cct",
        "GH_TOKEN": "sandbox",
    }
