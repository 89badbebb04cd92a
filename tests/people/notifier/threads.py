"""What stands in the sandbox's Slack, as people see it there."""

from __future__ import annotations

from typing import Any

from cct_ops.sandbox.control import SandboxControl


def heads(sandbox: SandboxControl) -> list[dict[str, Any]]:
    """Return the messages of bots that stand in the channel itself."""
    return [body for body in _bodies(sandbox) if "thread_ts" not in body]


def answers(sandbox: SandboxControl, head: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what stands in the thread below this message."""
    return [body for body in _bodies(sandbox) if body.get("thread_ts") == head["ts"]]


def shown(body: dict[str, Any]) -> str:
    """Return all text of a message."""
    return "\n".join(
        block["text"]["text"] if "text" in block else str(block.get("elements"))
        for block in body["blocks"]
    )


def _bodies(sandbox: SandboxControl) -> list[dict[str, Any]]:
    return [message.body for message in sandbox.slack_messages() if "ts" in message.body]
