"""
One part alone, on a host that something else supervises: systemd, Docker, Kubernetes.

Where everything is comes from settings; nothing is made, kept or guessed. The parts are those that
``cct-ops up`` runs on one machine, but for Prefect's server: of several, each answers requests as
``prefect-api``, and their common background work is ``prefect-services``.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from typing import NamedTuple

from cct_ops.errors import BadConfiguration
from cct_ops.stack import prefect_server
from cct_ops.stack.config import HOST
from cct_ops.stack.part_names import PartName
from cct_ops.stack.shared_state import REDIS, problem_with, redis_env

DATABASE = "PREFECT_API_DATABASE_CONNECTION_URL"
# How each part of ours talks to Prefect, on one machine and on several.
USUAL = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # it costs a request, and our own server is of the same version
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    "PREFECT_CLI_COLORS": "false",
    "PREFECT_LOGGING_COLORS": "false",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PYTHONUNBUFFERED": "1",  # some parts are ready when they print it
    "MALLOC_ARENA_MAX": "2",  # else each thread keeps memory of its own that it has freed
}
OWN_PACE = ("PREFECT_WORKER_QUERY_SECONDS", "MALLOC_ARENA_MAX")  # of these, what was set holds
# What several servers must not do each by itself when they start: `cct-ops migrate` did it once.
TOGETHER = {
    "PREFECT_API_DATABASE_MIGRATE_ON_START": "false",
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
}
_WORKER = ("prefect", "worker", "start", "--type", "warm", "--pool", "cct-ops", "--name")
_ASKS_PREFECT = ("controller", "board", "worker")


class HostPart(NamedTuple):
    """The command line of a part, and its whole environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str]


def host_part(part: PartName, given: Mapping[str, str]) -> HostPart:
    """Return how to become a part. Raises ``BadConfiguration`` for what it needs and is not set."""
    env = {**USUAL, **given}
    if part.startswith("prefect-"):
        words = ("services",) if part == "prefect-services" else _listener(given)
        return HostPart(_python("cct_ops.stack.prefect_server", *words), _server(part, env))
    if part in _ASKS_PREFECT and not given.get("PREFECT_API_URL"):
        raise BadConfiguration(
            "PREFECT_API_URL is not set: set it to the address of Prefect's API, with /api at its"
            " end; of several servers to that of the proxy in front of them"
        )
    if part == "worker":
        # Two workers of one name would be one to Prefect.
        name = given.get("HOSTNAME") or socket.gethostname()
        return HostPart(_python(*_WORKER, f"cct-ops-{name}"), env)
    return HostPart(_python(f"cct_ops.{part}"), env)


def _python(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *words)


def _listener(given: Mapping[str, str]) -> tuple[str, ...]:
    host = given.get("PREFECT_SERVER_API_HOST") or HOST
    return "--no-services", "--host", host, "--port", given.get("PREFECT_SERVER_API_PORT") or "4200"


def _server(part: str, given: Mapping[str, str]) -> Mapping[str, str]:
    database = given.get(DATABASE, "")
    if not database.startswith("postgresql+asyncpg://"):
        raise BadConfiguration(
            f"{DATABASE} is {'not that of a PostgreSQL' if database else 'not set'}: set it to"
            " postgresql+asyncpg://user:password@host/prefect"
        )
    url = given.get(REDIS)
    shared = redis_env(url) if url else {}
    if problem := problem_with({**shared, **given}):
        raise BadConfiguration(f"{part}: {problem}")
    auth = given.get(prefect_server.SERVER) or given.get(prefect_server.CLIENT)
    if not auth or ":" not in auth:
        raise BadConfiguration(
            f"{prefect_server.SERVER} is not set to user:password: without it everybody who reaches"
            " this server starts and changes runs. Set the same for all servers, and as"
            f" {prefect_server.CLIENT} for the parts that ask them"
        )
    ui = given.get("CCT_OPS_PREFECT_UI_URL") or given.get("PREFECT_UI_URL") or _own_url(given)
    usual = prefect_server.server_env(auth, ui.rstrip("/"))
    return {**usual, **TOGETHER, **shared, prefect_server.CLIENT: auth, **given}


def _own_url(given: Mapping[str, str]) -> str:
    _, _, host, _, port = _listener(given)
    return f"http://{host}:{port}"
