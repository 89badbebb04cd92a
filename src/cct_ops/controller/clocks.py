"""Compares the clocks; people are notified once of one that is off."""

from __future__ import annotations

import sqlalchemy as sa

from cct_ops.clients.server import CONFIGURED, Server, seconds_ahead
from cct_ops.clocks import difference
from cct_ops.errors import BadConfiguration
from cct_ops.ledger import clock
from cct_ops.ledger.set_aside import border

EVERY_SECONDS = 60.0


def look(engine: sa.Engine, *, server: Server = CONFIGURED) -> None:
    """Compare the ledger's clock and Prefect's with this machine's."""

    def ledgers() -> None:
        with engine.connect() as connection:
            _hold("the ledger", clock.seconds_ahead(connection))

    def prefects() -> None:
        with server.connect() as client:
            _hold("Prefect's server", seconds_ahead(client))

    clocks = border(engine, "clocks")
    clocks.attempt("the ledger", ledgers)
    clocks.attempt("Prefect's server", prefects)


def _hold(whose: str, ahead: float) -> None:
    off = difference(whose, ahead)
    if off is not None:
        raise BadConfiguration(off)
