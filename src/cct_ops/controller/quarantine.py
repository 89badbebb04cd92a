"""Alerts people to deliveries that cannot be parsed, for example since a sender's upgrade."""

from __future__ import annotations

import logging

import sqlalchemy as sa

from cct_ops.ledger.intake import quarantine
from cct_ops.ledger.people import pages
from cct_ops.ledger.set_aside import border
from cct_ops.people.notifier import Notifier
from cct_ops.reports.messages import unread_message
from cct_ops.reports.pages import notice_page

PAUSE_SECONDS = 3600.0

log = logging.getLogger(__name__)


def sweep(engine: sa.Engine, notifier: Notifier, *, pause_seconds: float = PAUSE_SECONDS) -> None:
    """Notify and page, once per source and pause; what Slack does not accept is sent again."""

    def notify(unread: quarantine.Unread) -> None:
        message = unread_message(unread.source, unread.count, unread.newest_id, unread.note)
        subject, body = notice_page(message, None)
        with engine.begin() as tx:
            if pages.ask_in(tx, unread.cause, subject=subject, body=body):
                log.warning("%s", message[0])
                notifier.send(message)

    unread = quarantine.unnotified(engine, pause_seconds)
    border(engine, "deliveries in quarantine").each(unread, lambda each: each.source, notify)
