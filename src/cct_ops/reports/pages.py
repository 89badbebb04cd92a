"""Pages: a subject and a body that any service can show."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from cct_ops.clients.text import unmarked
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.ledger.people.p0_incidents import Severe
from cct_ops.models.topic import Topic
from cct_ops.reports.manual import about
from cct_ops.reports.messages import Message
from cct_ops.typed import typed

Words = tuple[str, str]

TITLE_CHARACTERS = 120
TEXT_CHARACTERS = 500
MOST_LINES = 12

_EMOJI = re.compile(r"^:[a-z_]+: *")
_LINK = re.compile(r"<(https?://[^|>]*)\|([^>]*)>")


def incident_page(incident: Severe) -> Words:
    """Say that an incident of the highest severity is open."""
    name = incident.labels.get("alertname", "an alert without a name")
    said = incident.annotations.get("summary") or incident.annotations.get("description", "")
    lines = [
        _short(said) if said else "The alert says no more.",
        _short(", ".join(f"{key}={value}" for key, value in sorted(incident.labels.items()))),
        f"All about it: {about(incident.id, incident.id)}",
    ]
    return f"P0: {_title(name)} from {incident.source}", "\n".join(lines)


def assignment_page(incident: Severe, by: str) -> Words:
    """Ask one person to take an incident on."""
    subject, body = incident_page(incident)
    name = subject.removeprefix("P0: ")
    return (
        f"{_title(by)} assigned to you: {name}",
        f"{body}\nTo take it on: {typed('ack', str(incident.id))}",
    )


def unanswered_page(approval: Approval, command: str) -> Words:
    """Ask the next contact, because nobody answered."""
    # A command that cannot be shown whole is not shown.
    whole = unmarked(command, TEXT_CHARACTERS) == command
    lines = [
        f"The run changed nothing. What it had seen: {_short(approval.headline)}",
        f"To look again and be asked again: {command}" if whole else "Slack shows how to go on.",
    ]
    subject = f"Nobody approved {approval.playbook} on {_title(approval.target)} in time"
    return subject, "\n".join(lines)


def silence_page(what: str, last_at: datetime, command: str) -> Words:
    """Say that a part of ours shows no sign of life, with the command that starts it."""
    body = f"Its last sign of life was at {last_at:%Y-%m-%d %H:%M:%S %Z}. To start it: {command}"
    return f"Silent: the {what} of cct-ops", body


def notice_page(message: Message, topic: Topic | None) -> Words:
    """Bring what was written for Slack to any other service."""
    text, blocks = message
    grave = f"{topic.severity}: " if topic and topic.severity else ""
    head = _plain(text)
    said = [str(block["text"]["text"]) for block in blocks if "text" in block]
    body = [line for each in said for line in _lines(each) if line and line != head]
    return f"{grave}{_title(head)}", "\n".join(body[:MOST_LINES]) or "No more is known."


def _lines(said: str) -> Iterator[str]:
    """Yield the lines of a message; a command that cannot be shown as it is typed is left out."""
    for line in said.splitlines():
        plain = _plain(line)
        if line.startswith("```") and _short(plain) != plain:
            yield "One more command is in Slack."
        else:
            yield _short(plain)


def public_title(labels: Mapping[str, str], annotations: Mapping[str, str], annotation: str) -> str:
    """Return what the public reads: the text that an alert has for it, or the alert's name."""
    return _title(annotations.get(annotation) or labels.get("alertname", "") or "Incident")


def _title(text: str) -> str:
    return unmarked(text, TITLE_CHARACTERS)


def _short(text: str) -> str:
    return unmarked(text, TEXT_CHARACTERS)


def _plain(text: str) -> str:
    """Take Slack's markup away, and what escapes it."""
    bare = _EMOJI.sub("", text.replace("*", "").replace("```", ""))
    return html.unescape(_LINK.sub(r"\2: \1", bare)).strip()
