"""
What Prefect's server keeps in memory, and where several servers keep it instead: in one Redis.

With the defaults each server would have events, background jobs and leases of its own: what one
takes in, the others never hear of.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from urllib.parse import urlsplit, urlunsplit

from cct_ops.errors import BadConfiguration

REDIS = "CCT_OPS_REDIS_URL"
DOCKET = "PREFECT_SERVER_DOCKET_URL"
IN_REDIS = {
    "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
    "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
    "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE": "prefect_redis.cleanup_queue",
}
# The queue of clean-ups has an address of its own; the others share that of messaging.
ADDRESSED = ("PREFECT_REDIS_MESSAGING", "PREFECT_REDIS_WORKER_CLEANUP_QUEUE")
# Prefect itself would wait for ever for a Redis from which nothing comes back.
PATIENCE = {
    f"{name}_{what}": seconds
    for name in ADDRESSED
    for what, seconds in (("SOCKET_CONNECT_TIMEOUT", "5"), ("SOCKET_TIMEOUT", "30"))
}


def redis_env(url: str) -> dict[str, str]:
    """
    Return the variables that put all of it into the Redis at ``url``.

    Whoever may use Prefect's API reads its settings, the address of the docket among them: the
    password is not in that one.
    """
    if find_spec("prefect_redis") is None:
        raise BadConfiguration(
            f"{REDIS} is set, and prefect-redis is not installed: install requirements-redis.lock"
            " in place of requirements.lock"
        )
    return {
        **IN_REDIS,
        **PATIENCE,
        **{f"{name}_URL": url for name in ADDRESSED},
        DOCKET: without_password(url),
    }


def without_password(url: str) -> str:
    """Return the address with nothing in it that lets anybody in."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def problem_with(env: Mapping[str, str]) -> str | None:
    """Return what several servers could not share by these variables; None where all is shared."""
    alone = [name for name in IN_REDIS if env.get(name, "memory").rpartition(".")[2] == "memory"]
    if env.get(DOCKET, "memory://").startswith("memory:"):
        alone.append(DOCKET)
    if not alone:
        return None
    return (
        f"this server would keep to itself what {', '.join(alone)} "
        f"{'is' if len(alone) == 1 else 'are'} about: set {REDIS} for all servers"
    )
