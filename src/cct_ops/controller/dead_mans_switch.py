"""
Ping of a dead man's switch outside: sent while all parts are alive; without it that alarms.

Only a monitor elsewhere can report that this whole machine is dead, or gateway and controller both.
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
    """Yield the job, if an address to ping is set."""
    url = settings.heartbeat_url
    if url is None:
        return

    contacts.check_url(url, "CCT_OPS_HEARTBEAT_URL")

    def job() -> None:
        silent = heartbeats.silent(engine, (CONTROLLER, GATEWAY), WITHIN_SECONDS)
        if silent:
            log.warning("the dead man's switch is not pinged: silent are %s", ", ".join(silent))
            return
        webhook.get(url, whose="the dead man's switch")

    yield Periodic("dead man's switch", EVERY_SECONDS, job)
