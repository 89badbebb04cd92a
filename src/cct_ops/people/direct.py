"""The ways to one person alone, beside contacts.yaml: what approvers.yaml says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from cct_ops.clients import slack, slack_text
from cct_ops.clients.slack import SlackBot
from cct_ops.config import contacts
from cct_ops.config.approvers import Approver, Approvers

Way = tuple[str, str, Callable[[str, str], None]]
"""Whom it reaches, its name in the record, and what sends a subject and a body."""


@dataclass(frozen=True)
class Direct:
    """Reaches approvers by a message of our bot to them alone, or where they alone read."""

    approvers: Approvers | None = None
    bot: SlackBot | None = None

    def ways(self, person: str) -> Iterator[Way]:
        """Yield the ways to this person; none for who is no approver."""
        found = self.approvers.by_id(person) if self.approvers else None
        if found is None:
            return
        if self.bot is not None and found.slack_user_id is not None:
            bot = replace(self.bot, channel=found.slack_user_id)
            yield person, "a message in Slack", lambda subject, body: _through(bot, subject, body)
        if found.webhook is not None:
            way = f"webhook {found.webhook.name}"
            yield person, way, lambda subject, body: _post(found, subject, body)


def _through(bot: SlackBot, subject: str, body: str) -> None:
    bot.post(*_message(subject, body))


def _post(person: Approver, subject: str, body: str) -> None:
    if person.webhook is not None:
        slack.post(contacts.address(person.webhook), *_message(subject, body))


def _message(subject: str, body: str) -> tuple[str, list[dict[str, object]]]:
    text = slack_text.fitted(f"{subject}\n{body}")
    section = {"type": "plain_text", "text": text, "emoji": False}
    return slack_text.escape(subject), [{"type": "section", "text": section}]
