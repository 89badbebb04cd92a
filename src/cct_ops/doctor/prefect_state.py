"""
The check of where Prefect's servers keep what they share: each setting, as the servers have it.

One server may keep all of it in memory but the leases. Of several, each would have its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cct_ops.doctor.check import ANSWER_SECONDS, Result, Sign
from cct_ops.settings import Settings

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

# A proxy hands the requests of one client to its servers in turn.
_ASKED = 4
_SET_REDIS = "Set CCT_OPS_REDIS_URL for every prefect-api and prefect-services."


class Place(NamedTuple):
    """One thing that a server keeps: where its settings say so, and the price of its memory."""

    what: str
    path: tuple[str, ...]
    price: str

    def of(self, settings: Mapping[str, Any]) -> str:
        """Return where these settings put it: memory, filesystem, or a module or URL."""
        found: Any = settings
        for name in self.path:
            found = found[name]
        said = str(found)
        for place in ("memory", "filesystem"):
            if said.startswith(f"{place}:") or said.rpartition(".")[2] == place:
                return place
        return said.rpartition("@")[2]


LEASES = Place(
    "leases",
    ("server", "concurrency", "lease_storage"),
    "a run that holds one of Prefect's limits is cancelled when another server is asked to renew",
)
PLACES = (
    Place(
        "the broker of events",
        ("server", "events", "messaging_broker"),
        "what one server takes in never reaches the background work: no task states, no feed, no"
        " wake-up of workers",
    ),
    Place(
        "the cache of events",
        ("server", "events", "messaging_cache"),
        "an event that comes to two servers counts twice",
    ),
    Place(
        "the causal order of events",
        ("server", "events", "causal_ordering"),
        "events that depend on one of another server wait in vain, and are lost with their server",
    ),
    LEASES,
    Place(
        "the docket of background jobs",
        ("server", "docket", "url"),
        "each server does all of it, and what one was about to do is lost with it",
    ),
    Place(
        "the worker channel's clean-ups",
        ("server", "worker_channel", "cleanup_queue_storage"),
        "what a worker was asked to clean up is known to one server only",
    ),
)


def look(client: SyncPrefectClient, settings: Settings) -> Iterator[Result]:
    """Yield what the servers keep to themselves that they should share; nothing if they hide it."""
    servers = list(_servers(client))
    if not servers:
        return
    expected = settings.redis_url is not None
    shared = expected or any(_is_shared(place, each) for place in PLACES for each in servers)
    for place in PLACES:
        places = sorted({place.of(each) for each in servers})
        if len(places) > 1:
            seen = f"the servers do not agree where {place.what} are kept: {', '.join(places)}"
            yield Result("shared", Sign.BROKEN, seen, _SET_REDIS)
        elif shared and places[0] in {"memory", "filesystem"}:
            where = "in its memory" if places[0] == "memory" else "on its disk"
            seen = f"each server keeps {place.what} {where}: of several, {place.price}"
            yield Result("shared", Sign.LIMITED, seen, _SET_REDIS)
    if not shared:
        yield Result(
            "shared",
            Sign.WELL,
            "Prefect's server keeps events and background jobs in its memory, as a single one may;"
            " a second server needs CCT_OPS_REDIS_URL for both",
        )
    if expected:
        yield redis(settings)


def _servers(client: SyncPrefectClient) -> Sequence[Mapping[str, Any]]:
    """Return the settings of the servers behind the address, some of them more than once."""
    import httpx

    found = list[Mapping[str, Any]]()
    for _ in range(_ASKED):
        try:
            answer = client.request("GET", "/admin/settings").json()
            for place in PLACES:
                place.of(answer)
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return []  # another release, or one that does not show it
        found.append(answer)
    return found


def _is_shared(place: Place, settings: Mapping[str, Any]) -> bool:
    return place.of(settings) not in {"memory", "filesystem"}


def redis(settings: Settings) -> Result:
    """Ask Redis whether it is there."""
    from redis import Redis
    from redis.exceptions import RedisError

    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    if "+sentinel" in url:
        return Result("redis", Sign.WELL, "it is found by its sentinels, which are not asked here")
    try:
        with Redis.from_url(
            url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        ) as client:
            version = client.info("server")["redis_version"]
            policy = client.info("memory").get("maxmemory_policy", "noeviction")
    except ValueError as error:
        seen = f"CCT_OPS_REDIS_URL is not the address of a Redis: {error}"
        return Result("redis", Sign.BROKEN, seen, "Write it as redis://:password@host:6379/0.")
    except RedisError as error:
        words = " ".join(str(error).split())
        seen = f"Redis does not answer: {words or type(error).__name__}"
        return Result("redis", Sign.BROKEN, seen, "Start it, or correct CCT_OPS_REDIS_URL.")
    if policy != "noeviction":
        seen = f"Redis {version} throws away what it likes when it is full ({policy})"
        return Result("redis", Sign.LIMITED, seen, "Set its maxmemory-policy to noeviction.")
    return Result("redis", Sign.WELL, f"Redis {version} answers")
