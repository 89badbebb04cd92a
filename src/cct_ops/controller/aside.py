"""Alerts people to items that a loop could not handle, once for each."""

from __future__ import annotations

import logging

import sqlalchemy as sa

from cct_ops.errors import OpsError, Unavailable
from cct_ops.ledger import set_aside
from cct_ops.ledger.people import pages
from cct_ops.people.notifier import Notifier
from cct_ops.reports.messages import aside_message
from cct_ops.reports.pages import notice_page

_log = logging.getLogger(__name__)


def sweep(engine: sa.Engine, notifier: Notifier) -> int:
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
