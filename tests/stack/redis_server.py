"""A Redis for tests that need one of their own."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path

from cct_ops.stack.postgres import free_port
from tests.stack.polling import eventually


class RedisServer:
    """A real Redis that writes down what it is told, as for several servers of Prefect."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Serve what was written down."""
        place = ("--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(self._folder))
        kept = ("--appendonly", "yes", "--save", "")
        self._process = subprocess.Popen(["redis-server", *place, *kept], stdout=subprocess.DEVNULL)
        eventually(self._answers)

    def _answers(self) -> bool:
        from redis import Redis as Client
        from redis.exceptions import RedisError

        with closing(Client.from_url(self.url)) as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False

    def close(self) -> None:
        """Kill -9 it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Kill -9 it, and start it anew."""
        self.close()
        self.start()
