"""
``python -m cct_ops.stack.prefect_server``: ``prefect server start``, set up for many runs at once.

The server keeps a few hundred thousand objects for good, and Python would look at all of them again
and again: with its defaults a tenth of the server's time goes there. With its own defaults Prefect
writes down each state of each task in a transaction of its own, some twenty for a run. And of the
time that it takes to create a run nearly half would go into the question whether the schemas of its
parameters and of its job are themselves valid, which is the same for all runs. Its own background
work looks for something to do every few seconds; on one machine that is most of what an idle server
does, and hardly anything of it is in a hurry.

With ``services`` as its first argument it is ``prefect server services start``, the background work
of several servers that share a Redis.

Whoever passes the authentication of its API can start, resume and change every run. On one machine
it listens on that machine only, and asks even there for its one string. The string is made on first
use and kept in the data folder for its owner; it never stands on a command line, where every user
of the machine could read it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import runpy
import signal
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from cct_ops.errors import BadConfiguration
from cct_ops.settings import Settings
from cct_ops.stack.postgres import keep_secret

if TYPE_CHECKING:
    import httpx

CLIENT = "PREFECT_API_AUTH_STRING"
SERVER = "PREFECT_SERVER_API_AUTH_STRING"

# Young objects are looked at after so many more; the old ones only when they have grown by a lot.
_THRESHOLDS = (20_000, 20, 100)
_SCHEMAS = 1000
# The queue of Prefect's own background work lies in the server's memory and has one worker: what
# comes in wakes it. Its defaults are for many servers round a Redis.
_DUE_SECONDS = 1.0  # between looks for what has come due; Prefect counts on one that is no later
_TICK_SECONDS = 0.5
_ALIVE_SECONDS = 60.0  # between its signs of life, which nobody reads
_HANDOVER_SECONDS = 30.0
# A server that is killed may lose so much of the tasks' record; runs are written at once. Prefect
# cuts the seconds to a whole number, and with less than one it would never pause.
RECORDS_AT_ONCE = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}
# Else each daily schedule has a hundred runs lying ready, and "upcoming" shows little else.
AHEAD = {"PREFECT_SERVER_SERVICES_SCHEDULER_MAX_SCHEDULED_TIME": "P7D"}
# How often Prefect's background work looks for something to do. Each look is a job of that queue
# and a query or several: with Prefect's 5 to 20 s they are a quarter of what an idle server does.
PACES = {
    # The first runs of a schedule that was just set or changed; the later ones are made long ahead.
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "15",
    # That a run is late only shows in the UI; nobody waits for the word.
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "30",
    # The controller ends a question that was not answered; this ends its run in Prefect, too.
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_LOOP_SECONDS": "30",
    # Our worker and the controller see to what is cancelled.
    "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_CLEANUP_RECONCILER_LOOP_SECONDS": "60",
    # Whether a pool has a worker, as the UI shows it; people are notified by the controller.
    "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "30",
    # Leases of limits that somebody sets: playbooks have none.
    "PREFECT_SERVER_SERVICES_REPOSSESSOR_LOOP_SECONDS": "30",
    # Automations for what does not happen; nothing of ours waits for one.
    "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT30S",
}


def retention(settings: Settings) -> Mapping[str, str]:
    """Return how long the server keeps what is over; by itself it keeps runs for ever."""
    return {
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": _iso(settings.keep_runs_days),
        # With Prefect's 200 most of the time goes into commits: each batch is some twenty of them.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE": "1000",
        "PREFECT_EVENTS_RETENTION_PERIOD": _iso(settings.keep_events_days),
    }


def _iso(days: float) -> str:
    """Return so many days in the one form that Prefect reads everywhere."""
    return f"PT{round(days * 86400)}S"


def file_of(data: Path) -> Path:
    """Return where the string is kept."""
    return data / "keys" / "prefect"


def auth_string(data: Path) -> str:
    """Return the string, as a person types it into the UI's login."""
    return keep_secret(file_of(data))


def server_env(auth: str, ui: str) -> Mapping[str, str]:
    """Return the variables of the server alone."""
    return {
        SERVER: auth,
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        # A page from elsewhere can ask nothing; Prefect's default lets every page ask.
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": ui,
        "PREFECT_UI_API_URL": f"{ui}/api",  # what a browser asks, wherever it is
    }


@contextmanager
def api_client(env: Mapping[str, str], timeout_seconds: float) -> Iterator[httpx.Client]:
    """Open a client of the stack's Prefect, with its credentials and a CSRF token."""
    import httpx

    me = str(uuid4())  # a token is for one client: asking for another ends the first
    credentials = b64encode(env[CLIENT].encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Prefect-Csrf-Client": me}
    url = env["PREFECT_API_URL"]
    with httpx.Client(
        base_url=url, headers=headers, timeout=timeout_seconds, trust_env=False
    ) as client:
        token = client.get("/csrf-token", params={"client": me}).raise_for_status()
        client.headers["Prefect-Csrf-Token"] = token.json()["token"]
        yield client


def pages_of_ui(home: str | None) -> Mapping[str, str]:
    """
    Return where the server puts its UI, made anew at each start to fit its settings.

    That is the installation, unless it may not be written to, as in a container: then the UI lies
    in Prefect's home.
    """
    prefect = find_spec("prefect")  # which does not import it
    folders = prefect.submodule_search_locations if prefect else None
    if home is None or (folders and os.access(Path(folders[0], "server"), os.W_OK)):
        return {}
    return {"PREFECT_UI_STATIC_DIRECTORY": str(Path(home, "ui"))}


def check_schemas_once() -> None:
    """Let a schema that was found valid count as valid, by what is in it."""
    from prefect.utilities.schema_tools import validation

    validator: Any = validation._VALIDATOR  # noqa: SLF001 -- there is no other handle
    check, valid = validator.check_schema, set[tuple[str, bool]]()

    def check_once(schema: Any, **formats: Any) -> None:
        key = json.dumps(schema, sort_keys=True), bool(formats)
        if key not in valid:
            check(schema, **formats)
            if len(valid) == _SCHEMAS:
                valid.clear()
            valid.add(key)

    validator.check_schema = staticmethod(check_once)


def know_timezones_once() -> None:
    """Let the names of all time zones be read once, not from the disk for each schedule."""
    from prefect._internal.schemas import validators
    from prefect.types import _datetime

    known: Any = cache(_datetime.get_timezones)
    modules: tuple[Any, ...] = (validators, _datetime)
    for module in modules:
        module.get_timezones = known


def connect_with_password(url: str) -> None:
    """
    Let the queue of background work be in this Redis, whose password stands in no setting.

    What a killed server had in hand another one takes over after half a minute, not after five.
    """
    import docket
    from prefect.server.api import background_workers, server

    make, modules = docket.Docket, cast("tuple[Any, ...]", (docket, server))

    def in_redis(name: str, **options: Any) -> docket.Docket:
        return make(name, **{**options, "url": url})

    for module in modules:
        module.Docket = in_redis
    workers: Any = background_workers
    workers.Worker = partial(docket.Worker, redelivery_timeout=timedelta(seconds=_HANDOVER_SECONDS))


def lose_connections_that_timed_out() -> None:
    """
    Let a connection to Redis that the network gave up be a lost one, which is made anew.

    redis-py takes that for a read that took too long and may be repeated (``ETIMEDOUT`` is a
    ``TimeoutError`` as well). So whoever listens reads again at once and for ever, and the one
    error's traceback grows by each read: a server that had been cut off from its Redis for some
    seconds stood still, and took gigabytes a minute.
    """
    from redis.asyncio.connection import AbstractConnection
    from redis.exceptions import ConnectionError as Lost

    read = AbstractConnection.read_response

    async def read_response(self: AbstractConnection, *args: Any, **options: Any) -> Any:
        reader = self._reader  # there is no other handle
        error = None if reader is None else reader.exception()
        if isinstance(error, TimeoutError):
            raise Lost(f"The connection timed out: {error}")
        return await read(self, *args, **options)

    AbstractConnection.read_response = read_response  # type: ignore[method-assign]


def look_less_often() -> None:
    """Let Prefect's background work look for what is due once a second, not eighteen times."""
    from docket import Docket, Worker
    from prefect.server.api import background_workers, server

    class QuietWorker(Worker):
        async def _cancellation_listener(self) -> None:
            """Listen to nobody: Prefect takes nothing back that it has queued."""
            if self._processing_session is not None:
                self._processing_session.cancellation_ready.set()

    workers: Any = background_workers
    servers: Any = server  # both make theirs without a word of the pace
    due, alive = timedelta(seconds=_DUE_SECONDS), timedelta(seconds=_ALIVE_SECONDS)
    workers.Worker = partial(QuietWorker, minimum_check_interval=due, scheduling_resolution=due)
    servers.Docket = partial(Docket, heartbeat_interval=alive)


def tick_less_often() -> None:
    """Let the web server look twice a second whether it is to stop, not ten times."""
    import uvicorn

    async def main_loop(self: uvicorn.Server) -> None:
        while not await self.on_tick(0):  # noqa: ASYNC110 -- uvicorn has no event for it
            await asyncio.sleep(_TICK_SECONDS)

    uvicorn.Server.main_loop = main_loop  # type: ignore[method-assign]


def main() -> None:
    """Become ``prefect server start`` with our arguments, or ``prefect server services start``."""
    gc.set_threshold(*_THRESHOLDS)
    try:
        settings = Settings.load()
        kept = retention(settings)
    except BadConfiguration as error:
        sys.exit(f"prefect: {error}")
    ui = pages_of_ui(os.environ.get("PREFECT_HOME"))
    for name, value in {**RECORDS_AT_ONCE, **AHEAD, **PACES, **kept, **ui}.items():
        os.environ.setdefault(name, value)
    check_schemas_once()  # after the environment: this imports Prefect
    know_timezones_once()
    if settings.redis_url is None:
        look_less_often()
    else:
        connect_with_password(settings.redis_url.get_secret_value())
        lose_connections_that_timed_out()
    tick_less_often()
    what: tuple[str, ...] = ("start", *sys.argv[1:])
    if sys.argv[1:] == ["services"]:
        what = ("services", "start")
        # Prefect leaves this signal to the system, which keeps it from a container's first process.
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    sys.argv = ["prefect", "server", *what]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
