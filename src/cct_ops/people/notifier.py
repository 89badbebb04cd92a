"""
Notifies people: in Slack, and the person on call where it is urgent.

With a bot's token everything about one incident is one thread, whose head shows where it stands;
with a webhook alone it is one message after the other. Delivery is at least once: callers retry, so
after a lost answer a message may stand there twice.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.clients import slack
from cct_ops.clients.slack import SlackBot
from cct_ops.config import contacts
from cct_ops.errors import Rejected
from cct_ops.ledger.people import acknowledgements, pages, slack_threads
from cct_ops.ledger.people.slack_threads import Thread
from cct_ops.models.run import Severity
from cct_ops.models.topic import MessageRef, Topic
from cct_ops.people.metrics import MESSAGES
from cct_ops.reports.messages import Message, head_message
from cct_ops.reports.pages import notice_page
from cct_ops.settings import Settings

log = logging.getLogger(__name__)

# What Slack says about a head that somebody deleted.
_GONE = {"message_not_found", "thread_not_found", "channel_not_found", "is_archived"}


@dataclass(frozen=True)
class Notifier:
    """
    Sends messages to people.

    ``page`` reaches the person on call with an urgent message and its topic. It is called once for
    each attempt, so it has to know what it has sent already. ``channels`` are where the bot begins
    threads of that severity, instead of in its own channel.
    """

    engine: sa.Engine
    webhook_url: SecretStr | None = None
    bot: SlackBot | None = None
    page: Callable[[Message, Topic | None], None] | None = None
    channels: Mapping[Severity, str] = field(default_factory=dict)

    @classmethod
    def of(cls, engine: sa.Engine, settings: Settings) -> Notifier:
        """Make it as the settings say."""
        given = settings.slack_bot()
        bot = None if given is None else SlackBot(*given)
        channels = contacts.read(settings.contacts_path).channels if bot else {}
        page = partial(ask_for_page, engine)
        return cls(engine, settings.slack_webhook_url, bot, page, channels)

    @property
    def reaches_somebody(self) -> bool:
        """True if there is a Slack to send to; the person on call is reached without one."""
        return self.bot is not None or self.webhook_url is not None

    def send(
        self, message: Message, topic: Topic | None = None, *, urgent: bool = False
    ) -> MessageRef | None:
        """
        Send it, in its topic's thread where there can be one; returns its place, if known.

        Raises what Slack's refusal or silence means; who is on call is reached all the same.
        """
        result = "failed"
        try:
            place = self._deliver(message, topic)
            result = "sent"
            return place
        finally:
            if self.reaches_somebody:
                MESSAGES.labels(result).inc()
            if urgent and self.page is not None:
                self.page(message, topic)

    def show(self, topic: Topic, *, instead_of: str) -> None:
        """Let the head of the topic's thread show this state, if it still shows that one."""
        if self.bot is None:
            return
        with slack_threads.held(self.engine, topic.id) as thread:
            if thread.shown is not None and thread.shown.state == instead_of:
                self._head(self.bot, thread, topic)

    def open_thread(self, topic: Topic) -> None:
        """Make the topic's thread where there is none yet, so that its head can be answered."""
        if self.bot is None:
            return
        with slack_threads.held(self.engine, topic.id) as thread:
            if thread.place is None:
                self._head(self._in_channel_of(self.bot, topic), thread, topic)

    def show_holder(self, topic_id: UUID) -> bool:
        """Let the head of an incident's thread say who has it now; False where there is none."""
        if self.bot is None:
            return False
        with slack_threads.held(self.engine, topic_id) as thread:
            if thread.shown is None or thread.place is None:
                return False
            self._head(self.bot, thread, thread.shown)
            return True

    def change(self, place: MessageRef, text: str, blocks: Sequence[dict[str, Any]]) -> None:
        """Change what was said, where that is possible."""
        if self.bot is None:
            return
        try:
            self.bot.update(place, text, blocks)
        except Rejected as error:  # deleted, or too old: nothing more can be done about it
            log.warning("a message in Slack stays as it is: %s", error)

    def _deliver(self, message: Message, topic: Topic | None) -> MessageRef | None:
        if self.bot is not None:
            try:
                return self._through_bot(self.bot, message, topic)
            except Rejected as error:
                if self.webhook_url is None:
                    raise
                log.error("sent through the webhook, because the bot cannot: %s", error)  # noqa: TRY400 -- an answer
        if self.webhook_url is not None:
            slack.post(self.webhook_url, *message)
        return None

    def _through_bot(self, bot: SlackBot, message: Message, topic: Topic | None) -> MessageRef:
        if topic is None:
            return bot.post(*message)
        bot = self._in_channel_of(bot, topic)
        # The head is settled before anything else is said: a lost answer loses no thread.
        with slack_threads.held(self.engine, topic.id) as thread:
            known = thread.place is not None
            head = self._head(bot, thread, topic)
        try:
            return bot.post(*message, head, broadcast=known and topic.needs_person)
        except Rejected as error:
            if error.code not in _GONE:
                raise
            return bot.post(*message)

    def _in_channel_of(self, bot: SlackBot, topic: Topic) -> SlackBot:
        """Return our bot where threads of that severity begin."""
        if topic.severity is None:
            return bot
        return replace(bot, channel=self.channels.get(topic.severity, bot.channel))

    def _head(self, bot: SlackBot, thread: Thread, topic: Topic) -> MessageRef:
        """Make the head of the thread, or let it show what is new; returns where it stands."""
        shown, place = thread.shown, thread.place
        topic = topic.model_copy(update={"held": acknowledgements.held(self.engine, topic.id)})
        if shown is not None:
            topic = topic.model_copy(update={"severity": topic.severity or shown.severity})
        if place is not None and shown == topic:
            return place
        if place is not None:
            try:
                bot.update(place, *head_message(topic))
            except Rejected as error:
                if error.code not in _GONE:
                    log.warning("the head of a thread stays as it is: %s", error)
                    return place
            else:
                thread.shows(place, topic)
                return place
        place = bot.post(*head_message(topic))
        thread.shows(place, topic)
        return place


def ask_for_page(
    engine: sa.Engine, message: Message, topic: Topic | None, *, shared: str | None = None
) -> None:
    """
    Have the person on call paged with this, once about its topic; without one, once a day.

    ``shared`` is an event that many may report at the same moment; it pages once an hour.
    """
    subject, body = notice_page(message, topic)
    if shared is not None:
        body = f"{body}\nWithin this hour Slack alone reports others that end so: {shared}."
        cause = f"{shared}, from {datetime.now(UTC):%Y-%m-%d %H} UTC"
        pages.ask(engine, cause, subject=subject, body=body)
        return
    about = topic.id if topic else datetime.now(UTC).date()
    digest = hashlib.sha256(f"{subject}\n{body}".encode()).hexdigest()[:16]
    cause = f"notice {digest} about {about}"
    pages.ask(engine, cause, subject=subject, body=body, topic_id=topic.id if topic else None)
