"""``python -m cct_ops.gateway``: receive alerts until a signal stops it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import threading
from types import FrameType

import sqlalchemy as sa
import uvicorn
from pydantic import SecretStr

from cct_ops import tracing
from cct_ops.addresses import listen_as
from cct_ops.config import contacts
from cct_ops.errors import OpsError
from cct_ops.exposition import serve_metrics
from cct_ops.gateway import metrics
from cct_ops.gateway.app import create_app
from cct_ops.gateway.approvals.mount import mount_approvals, sending
from cct_ops.gateway.limits import server_config
from cct_ops.gateway.registry import Registry
from cct_ops.gateway.writer import Writer
from cct_ops.ledger.engine import connect
from cct_ops.people.notifier import Notifier
from cct_ops.people.paging import Pager
from cct_ops.people.watchdog import CONTROLLER, GATEWAY, PeerWatchdog
from cct_ops.settings import Settings
from cct_ops.terminal import log_as

# A gateway that waits for the ledger longer than its senders wait for it only collects requests.
_LEDGER_LIMITS = {
    "connect_timeout": "3",
    "tcp_user_timeout": "4000",
    "options": "-c statement_timeout=3500 -c lock_timeout=3000",
}

_TICK_SECONDS = 0.5


class _Server(uvicorn.Server):
    """A server that says where it listens once it does, and looks rarely whether it is to stop."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and print the address: the port may have been chosen by the system."""
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"gateway: http://{shown}:{port}", flush=True)

    async def main_loop(self) -> None:
        """Look twice a second; uvicorn itself does it ten times."""
        while not await self.on_tick(0):  # noqa: ASYNC110 -- uvicorn has no event for it
            await asyncio.sleep(_TICK_SECONDS)


def main() -> int:
    """Serve, and say in one sentence what is wrong where that cannot be done."""
    log_as("gateway")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every URL, a secret one too
    signal.signal(signal.SIGTERM, _leave)
    try:
        settings = Settings.load()
        tracing.serve_as("cct-ops-gateway")
        registry = Registry(settings.sources_path)
        engine = connect(_limited(settings.ledger_url()))
        writer = Writer(engine)
        metrics.REGISTRY.register(metrics.Waiting(engine, writer.waiting, writer.oldest_seconds))
        where = settings.metrics_host, settings.metrics_port
        serve_metrics(metrics.REGISTRY, *where, "CCT_OPS_METRICS_PORT")
        app = create_app(engine, registry, writer)
        link_sender = mount_approvals(app, engine, settings)
        host, port = settings.gateway_host, settings.gateway_port
        listener = listen_as("gateway", host, port, backlog=2048)
        watchdog = PeerWatchdog(
            engine,
            GATEWAY,
            CONTROLLER,
            Notifier.of(engine, settings),
            pager=Pager(engine, contacts.read(settings.contacts_path)),
        )
        stopping = threading.Event()
        for name, run in (("watchdog", watchdog.run), ("registry", registry.run)):
            threading.Thread(target=run, args=(stopping,), name=name, daemon=True).start()
        writer.start()
        with sending(link_sender):
            _Server(server_config(app, stop_seconds=5)).run(sockets=[listener])
        stopping.set()
        writer.stop()
        tracing.flush()
    except OpsError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _limited(url: SecretStr) -> SecretStr:
    """Give the ledger's URL the limits that it does not set itself."""
    parsed = sa.make_url(url.get_secret_value())
    limits = {name: value for name, value in _LEDGER_LIMITS.items() if name not in parsed.query}
    return SecretStr(parsed.update_query_dict(limits).render_as_string(hide_password=False))


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
