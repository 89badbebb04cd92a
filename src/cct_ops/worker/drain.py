"""Whether the installation is drained, as the worker asks the ledger before it starts a run."""

from __future__ import annotations

import contextlib
from typing import Any, Self

import psycopg
from pydantic import SecretStr

from cct_ops.ledger.engine import conninfo

DRAINED = "the installation is drained (`cct-ops drain --end` lets it go on)"
UNKNOWN = "whether the installation is drained is not known: the ledger does not answer"

_NEWEST = "select draining from drains order by id desc limit 1"
_ANSWER_SECONDS = 5


class Drain:
    """Asks over a connection of its own, which is made anew where it was cut."""

    def __init__(self, ledger: SecretStr | None) -> None:
        self._ledger = ledger
        self._connection: psycopg.AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        """Connect when something is asked."""
        return self

    async def __aexit__(self, *error: Any) -> None:
        """Let go of the connection."""
        await self._close()

    async def why(self) -> str | None:
        """Return why nothing may start; None where it may, as also without any ledger."""
        if self._ledger is None:
            return None
        for _ in range(2):
            try:
                return await self._ask(self._ledger)
            except psycopg.errors.UndefinedTable:
                return None  # a ledger from before there were drains
            except psycopg.Error:
                await self._close()
        return UNKNOWN

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                await connection.close()

    async def _ask(self, ledger: SecretStr) -> str | None:
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(
                conninfo(ledger), autocommit=True, connect_timeout=_ANSWER_SECONDS
            )
        row = await (await self._connection.execute(_NEWEST)).fetchone()
        return DRAINED if row is not None and row[0] else None
