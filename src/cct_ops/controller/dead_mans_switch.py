"""
The sign to a watch outside that all parts are well; when it stays away, that watch alarms.

Nothing here can say that this whole machine is dead, or gateway and controller both: only somebody
who waits for a call that does not come.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import sqlalchemy as sa

from cct_ops.clients import webhook
from cct_ops.config import contacts
from cct_ops.controller.loop import Periodic
from cct_ops.ledger.people import heartbeats
from cct_ops.people.watchdog import CONTROLLER, GATEWAY
from cct_ops.settings import Settings

EVERY_SECONDS = 60.0
# One look at the workers may come late, and a heartbeat of theirs be half a minute old by then.
WITHIN_SECONDS = 120.0

log = logging.getLogger(__name__)


def heartbeat(engine: sa.Engine, settings: Settings) -> Iterator[Periodic]:
    """Return the job, if there is a watch outside."""
    url = settings.heartbeat_url
    if url is None:
        return

    contacts.check_url(url, "CCT_OPS_HEARTBEAT_URL")

    def job() -> None:
        silent = heartbeats.silent(engine, (CONTROLLER, GATEWAY), WITHIN_SECONDS)
        if silent:
            log.warning("the watch outside is not called: silent are %s", ", ".join(silent))
            return
        webhook.get(url, whose="the watch outside")

    yield Periodic("sign to the watch outside", EVERY_SECONDS, job)
