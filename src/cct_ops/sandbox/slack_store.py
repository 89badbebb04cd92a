"""The messages in Slack, and a page that draws them about as Slack does."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cct_ops.sandbox.clock import Clock, iso
from cct_ops.sandbox.envelope import Json

CHANNELS = {"incidents": "C0INCIDENTS", "engineering": "C0ENGINEERING"}
TOKEN_PREFIX = "xoxb-"  # noqa: S105 -- how any bot's token begins


@dataclass
class Pressed:
    """The message whose button a user pressed, and how many answers that may still get."""

    message: Json
    user: str
    until: float
    left: int = 5


@dataclass
class SlackStore:
    """All messages, oldest first; one that a bot changed is as it stands now."""

    clock: Clock
    messages: list[Json] = field(default_factory=list)
    pressed: dict[str, Pressed] = field(default_factory=dict)
    _last: float = 0.0

    def webhook(self, path: str, body: Json) -> None:
        """Take a message from a webhook."""
        self.messages.append({"at": iso(self.clock.right()), "path": path, "body": body})

    def post(self, path: str, channel: str, given: Json) -> Json:
        """Take a message from a bot; returns it."""
        self._last = max(self.clock.right(), self._last + 0.000001)
        shown: Json = {key: given[key] for key in ("text", "blocks", "thread_ts") if key in given}
        body: Json = {"channel": channel, "ts": f"{self._last:.6f}", **shown, "edits": 0}
        if given.get("reply_broadcast"):
            body["reply_broadcast"] = True
        self.messages.append({"at": iso(self.clock.right()), "path": path, "body": body})
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


STYLE = """
body { margin: 0; padding: 20px 24px; background: #fff; color: #1d1c1d;
       font: 15px/1.46668 Lato, "Noto Sans", "DejaVu Sans", sans-serif; }
.message { display: flex; gap: 12px; }
.face { flex: none; width: 36px; height: 36px; border-radius: 6px; background: #2c3e50; color: #fff;
        display: grid; place-items: center; font-weight: 700; }
.name { font-weight: 900; } .app { font-size: 10px; font-weight: 700; color: #616061;
        background: #e8e8e8; border-radius: 2px; padding: 1px 3px; margin-left: 4px; }
.block { margin: 4px 0 8px; } .context { color: #616061; font-size: 13px; }
code { font: 12px/1.5 "DejaVu Sans Mono", monospace; color: #e01e5a; background: #f7f7f8;
       border: 1px solid #ddd; border-radius: 3px; padding: 2px 3px; }
pre { font: 12px/1.5 "DejaVu Sans Mono", monospace; background: #f7f7f8; border: 1px solid #ddd;
      border-radius: 3px; padding: 6px 8px; margin: 4px 0; white-space: pre-wrap;
      overflow-wrap: anywhere; }
.body { min-width: 0; } .where { font-size: 12px; color: #616061; margin-left: 6px; }
.thread { margin: 4px 0 20px 17px; padding-left: 30px; border-left: 2px solid #ddd; }
button { font: 700 13px/1 inherit; font-family: inherit; border-radius: 4px; padding: 9px 12px;
         margin-right: 8px; border: 1px solid #ccc; background: #fff; }
button.primary { background: #007a5a; border-color: #007a5a; color: #fff; }
button.danger { background: #e01e5a; border-color: #e01e5a; color: #fff; }
a { color: #1264a3; text-decoration: none; }
"""
# Drawn, because not every machine has a font with emoji.
HAND = (
    "<svg width=17 height=17 viewBox='0 0 34 34' style='vertical-align:-3px'><g fill='#ffc83d'>"
    "<rect x=7 y=5 width=5 height=16 rx=2.5 /><rect x=12.5 y=2 width=5 height=18 rx=2.5 />"
    "<rect x=18 y=3 width=5 height=18 rx=2.5 /><rect x=23.5 y=7 width=4.5 height=15 rx=2.2 />"
    "<rect x=7 y=15 width=21 height=17 rx=8 /><path d='M9 22 L1 16 L3 13 L12 18z'/></g></svg>"
)
EMOJI = {
    ":raised_hand:": HAND,
    ":white_check_mark:": "<span style='color:#007a5a'>\u2714</span>",
    ":leftwards_arrow_with_hook:": "<span style='color:#1264a3'>\u21a9</span>",
    ":rotating_light:": "<span style='color:#e01e5a'>\u25cf</span>",
    ":hourglass:": "<span style='color:#8a5300'>\u25d4</span>",
    ":gear:": "<span style='color:#616061'>\u2699</span>",
    ":memo:": "<span style='color:#616061'>\u270e</span>",
}


def as_page(messages: Sequence[Json]) -> str:
    """Draw all messages, oldest first; answers stand under what they answer."""
    bodies = [message["body"] | {"path": message["path"]} for message in messages]
    shown = []
    for body in bodies:
        if "thread_ts" in body:
            continue
        shown.append(_message(body))
        answers = [each for each in bodies if "ts" in body and each.get("thread_ts") == body["ts"]]
        if answers:
            inside = "".join(_message(each) for each in answers)
            shown.append(f"<div class=thread>{inside}</div>")
    return (
        "<!doctype html><meta charset=utf-8><title>Slack, in the sandbox</title>"
        f"<style>{STYLE}</style>{''.join(shown)}"
    )


def as_html(blocks: list[dict[str, Any]]) -> str:
    """Draw the blocks of one message."""
    return as_page([{"path": "", "body": {"blocks": blocks}}])


def _message(body: Json) -> str:
    blocks = body.get("blocks") or [{"type": "section", "text": {"text": body.get("text", "")}}]
    inside = "".join(_block(block) for block in blocks)
    where = html.escape(str(body.get("path", "")).removeprefix("/slack/"))
    note = "" if "ts" in body or not where else f"<span class=where>{where}</span>"
    edited = "<div class=context>(edited)</div>" if body.get("edits") else ""
    return (
        "<div class=message><div class=face>C</div><div class=body><span class=name>cct-ops</span>"
        f"<span class=app>APP</span>{note}{inside}{edited}</div></div>"
    )


def _block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "section":
            return f"<div class=block>{_mrkdwn(block['text']['text'])}</div>"
        case "context":
            texts = " ".join(_mrkdwn(element["text"]) for element in block["elements"])
            return f"<div class='block context'>{texts}</div>"
        case "actions":
            buttons = "".join(
                f"<button class={button.get('style', 'plain')}>"
                f"{html.escape(button['text']['text'])}</button>"
                for button in block["elements"]
            )
            return f"<div class=block>{buttons}</div>"
        case unknown:
            return f"<div class=block>(a block of type {html.escape(str(unknown))})</div>"


def _mrkdwn(text: str) -> str:
    """Draw Slack's markup; ``&``, ``<`` and ``>`` of others arrive escaped already."""
    drawn = []
    for number, part in enumerate(re.split(r"(<[^<>]*>)", text)):
        drawn.append(_reference(part) if number % 2 else re.sub("[<>]", "", part))
    text = "".join(drawn)
    text = re.sub(r"```\n?(.+?)```\n?", r"<pre>\1</pre>", text, flags=re.DOTALL)
    text = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", text)
    text = re.sub(r"(?<!\w)\*([^*\n]+)\*(?!\w)", r"<b>\1</b>", text)
    for name, sign in EMOJI.items():
        text = text.replace(name, sign)
    return text.replace("\n", "<br>")


def _reference(part: str) -> str:
    """Draw what stands between ``<`` and ``>``: a date, a link or a mention."""
    inside = part[1:-1]
    target, _, label = inside.partition("|")
    if target.startswith("!date"):
        return html.escape(label)
    if target.startswith(("http://", "https://")):
        return f'<a href="{html.escape(target)}">{html.escape(label or target)}</a>'
    return f"<b>{html.escape(label or target)}</b>"
