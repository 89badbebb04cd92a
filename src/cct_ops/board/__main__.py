"""``python -m cct_ops.board``: show the board until a signal stops it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from types import FrameType

import uvicorn

from cct_ops.addresses import listen_as, reached_at
from cct_ops.board.app import create_app
from cct_ops.board.headers import Site
from cct_ops.board.page import Board
from cct_ops.board.stream import Stream
from cct_ops.errors import OpsError
from cct_ops.gateway.limits import server_config
from cct_ops.ledger.engine import connect
from cct_ops.settings import Settings
from cct_ops.terminal import log_as

_TICK_SECONDS = 0.5


class _Server(uvicorn.Server):
    """A server that says where it listens, and lets its readers go before it waits for them."""

    def __init__(self, config: uvicorn.Config, stream: Stream) -> None:
        super().__init__(config)
        self._stream = stream

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and print the address: the port may have been chosen by the system."""
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            print(f"board: {reached_at(host, port)}", flush=True)

    async def main_loop(self) -> None:
        """Look twice a second whether it is to stop; uvicorn itself does it ten times."""
        while not await self.on_tick(0):  # noqa: ASYNC110 -- uvicorn has no event for it
            await asyncio.sleep(_TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; a page that is open would else be waited for."""
        self._stream.close()
        await super().shutdown(sockets)


def main() -> int:
    """Serve, and say in one sentence what is wrong where that cannot be done."""
    log_as("board")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, _leave)
    try:
        settings = Settings.load()
        board = Board(connect(settings.ledger_url(), kept=2), settings)
        site, stream = Site.of(settings), Stream(board)
        if (by_oidc := board.sign_in_by_oidc()) is not None:
            by_oidc.secret()  # that it lacks is said now, and not to the first who signs in
        listener = listen_as("board", settings.board_host, settings.board_port)
        config = server_config(create_app(board, site, stream), stop_seconds=3)
        _Server(config, stream).run(sockets=[listener])
    except OpsError as error:
        print(f"board: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
