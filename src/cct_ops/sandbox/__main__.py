"""Serve the sandbox: ``python -m cct_ops.sandbox --port 0 --dialect runbook``."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import socket
import sys
from typing import get_args

import uvicorn

from cct_ops.sandbox.app import DEFAULT_API_KEY, create_app
from cct_ops.sandbox.inputs import Dialect
from cct_ops.variables import said

PR_SET_PDEATHSIG = 1


class Server(uvicorn.Server):
    """Prints where it listens, once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the one line that whoever started us waits for."""
        await super().startup(sockets)
        for listening in sockets or []:
            host, port = listening.getsockname()[:2]
            print(f"sandbox: http://{host}:{port}", flush=True)


def main() -> None:
    """Serve until asked to stop."""
    parser = argparse.ArgumentParser(prog="python -m cct_ops.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--dialect", choices=get_args(Dialect), default="runbook")
    parser.add_argument("--no-limits", action="store_true", help="count no requests")
    parser.add_argument("--parent", type=int, help="die together with this process, our parent")
    options = parser.parse_args()

    if options.parent is not None:
        _die_with(options.parent)
    keys = (said("X_API_KEY") or DEFAULT_API_KEY).split(",")
    app = create_app(
        options.dialect,
        limits=not options.no_limits,
        api_keys=frozenset(key.strip() for key in keys if key.strip()),
    )
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=75,  # longer than any client's, so that none meets a closed connection
        timeout_graceful_shutdown=1,  # a request that hangs on purpose must not hold us up
    )
    listening = socket.create_server((options.host, options.port))
    # Accepted connections inherit it; without it, every answer waits 40 ms for a delayed ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # uvicorn raises the signal again after it has stopped.
    with listening, contextlib.suppress(KeyboardInterrupt):
        Server(config).run(sockets=[listening])


def _die_with(parent: int) -> None:
    """Ask the kernel to stop us when our parent dies, and stop if it is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("sandbox: the process that wanted it is gone")


if __name__ == "__main__":
    main()
