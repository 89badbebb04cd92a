"""A gateway as a real process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.conftest import ROOT
from tests.plain import NO_TLS

KEY = "the-key-of-the-alertmanager-0123456789"
JSON = "application/json"


def environment(ledger: str, **more: str) -> dict[str, str]:
    """Return what a gateway needs to start; the system chooses its port."""
    return os.environ | {
        "CCT_OPS_DATABASE_URL": ledger,
        "CCT_OPS_GATEWAY_PORT": "0",
        "CCT_OPS_ALERTMANAGER_KEY": KEY,
        **more,
    }


def command() -> list[str]:
    """Return how a gateway is started."""
    return [sys.executable, "-m", "cct_ops.gateway"]


class Gateway:
    """A running gateway and a sender that is connected to it."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.sender = httpx.Client(base_url=url, timeout=20, trust_env=False, verify=NO_TLS)

    def post(
        self,
        content: bytes,
        *,
        key: str | None = KEY,
        source: str = "alertmanager",
        content_type: str = JSON,
    ) -> httpx.Response:
        """Send one body; without a key there is no such header."""
        headers = {"Content-Type": content_type}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        return self.sender.post(f"/hooks/{source}", content=content, headers=headers)


@contextmanager
def running(ledger: str, log: Path, **more: str) -> Iterator[Gateway]:
    """Start a gateway, and leave none behind."""
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command(),
            cwd=ROOT,
            env=environment(ledger, **more),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said.startswith("gateway: http://127.0.0.1:"), log.read_text()
            gateway = Gateway(process, said.removeprefix("gateway: ").strip())
            with gateway.sender:
                yield gateway
        finally:
            process.send_signal(signal.SIGKILL)
