"""The messages in the sandbox's Slack: through webhooks, and by bots in threads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cct_ops.sandbox.clock import Clock, iso
from cct_ops.sandbox.envelope import Json

CHANNELS = {"incidents": "C0INCIDENTS", "engineering": "C0ENGINEERING"}
TOKEN_PREFIX = "xoxb-"  # noqa: S105 -- how any bot's token begins


@dataclass
class SlackStore:
    """All messages, oldest first; one that a bot changed is as it stands now."""

    clock: Clock
    messages: list[Json] = field(default_factory=list)
    _last: float = 0.0

    def webhook(self, path: str, body: Json) -> None:
        """Take a message from a webhook."""
        self.messages.append({"at": iso(self.clock.now()), "path": path, "body": body})

    def post(self, path: str, channel: str, given: Json) -> Json:
        """Take a message from a bot; returns it."""
        self._last = max(self.clock.now(), self._last + 0.000001)
        shown: Json = {key: given[key] for key in ("text", "blocks", "thread_ts") if key in given}
        body: Json = {"channel": channel, "ts": f"{self._last:.6f}", **shown, "edits": 0}
        if given.get("reply_broadcast"):
            body["reply_broadcast"] = True
        self.messages.append({"at": iso(self.clock.now()), "path": path, "body": body})
        return body

    def find(self, channel: str, ts: object) -> Json | None:
        """Return a bot's message."""
        bodies: list[dict[str, Any]] = [message["body"] for message in self.messages]
        place = (channel, ts)
        return next((b for b in bodies if (b.get("channel"), b.get("ts")) == place), None)

    def forget(self, ts: str) -> bool:
        """Let a person delete a message; False if there is none."""
        kept = [message for message in self.messages if message["body"].get("ts") != ts]
        found = len(kept) < len(self.messages)
        self.messages = kept
        return found


def channel_id(wanted: object) -> str | None:
    """Return a channel's id, whether it was named by that or by its name."""
    name = str(wanted).removeprefix("#")
    return name if name in CHANNELS.values() else CHANNELS.get(name)
