"""Prefect's server as the sweeps meet it: how it is reached, and what time it is there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from prefect.client.orchestration import SyncPrefectClient, get_client


def _connect() -> AbstractContextManager[SyncPrefectClient]:
    return get_client(sync_client=True)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Server:
    """By default the one that Prefect's own settings name, on this machine's clock."""

    connect: Callable[[], AbstractContextManager[SyncPrefectClient]] = _connect
    now: Callable[[], datetime] = _now


CONFIGURED = Server()
