"""Alerts people to what could not be handled: by a loop of ours, or because nobody can parse it."""

from __future__ import annotations

import logging

import sqlalchemy as sa

from cct_ops.errors import OpsError, Unavailable
from cct_ops.ledger import set_aside
from cct_ops.ledger.intake import quarantine
from cct_ops.ledger.people import pages
from cct_ops.ledger.set_aside import border
from cct_ops.people.notifier import Notifier
from cct_ops.reports.messages import aside_message, unread_message
from cct_ops.reports.pages import notice_page

PAUSE_SECONDS = 3600.0

_log = logging.getLogger(__name__)


def report_items(engine: sa.Engine, notifier: Notifier) -> int:
    """Notify and page about what was set aside, in one message; returns the number of items."""
    with set_aside.unnotified(engine) as found:
        if not found:
            return 0
        message = aside_message(found)
        subject, body = notice_page(message, None)
        first = found[0]
        cause = f"set aside: {first.part}, {first.item}, {first.first_at.isoformat()}"
        pages.ask(engine, cause, subject=subject, body=body)
        try:
            notifier.send(message)
        except Unavailable:
            raise
        except OpsError as error:  # the page says it, and so does the doctor
            _log.error("Slack was not notified of what is set aside: %s", error)
        return len(found)


def report_deliveries(
    engine: sa.Engine, notifier: Notifier, *, pause_seconds: float = PAUSE_SECONDS
) -> None:
    """Notify and page, once per source and pause; what Slack does not accept is sent again."""

    def notify(unread: quarantine.Unread) -> None:
        message = unread_message(unread.source, unread.count, unread.newest_id, unread.note)
        subject, body = notice_page(message, None)
        with engine.begin() as tx:
            if pages.ask(tx, unread.cause, subject=subject, body=body):
                _log.warning("%s", message[0])
                notifier.send(message)

    unread = quarantine.unnotified(engine, pause_seconds)
    border(engine, "deliveries in quarantine").each(unread, lambda each: each.source, notify)
