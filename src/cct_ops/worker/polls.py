"""
The worker's polls: as often as Prefect's setting says while there is anything to do, else rarely.

A poll costs Prefect's server 60 ms. So the worker listens to the server's events, too: a run that
somebody makes or resumes, and a pool or queue that goes on, has it poll at its next turn, as ever.
Without that stream it polls at every turn. What is scheduled a rare poll sees before it is due.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings
from websockets.exceptions import WebSocketException

from cct_ops.worker.start_rules import StartRules

RARE = 10
"""One turn in so many is a poll while nothing happens."""

# An event may be heard before its run is committed: the poll after the next one sees it.
_AWAKE = 2.5
_JITTER = 1.3  # of Prefect's turns
_RETRY_SECONDS = 2.0

_NEWS = EventFilter(
    event=EventNameFilter(
        name=[
            *(
                f"prefect.flow-run.{state}"
                for state in (
                    "Scheduled",
                    "Late",
                    "Resuming",
                    "AwaitingRetry",
                    "AwaitingConcurrencySlot",
                )
            ),
            *(
                f"prefect.work-{place}.{status}"
                for place in ("pool", "queue")
                for status in ("ready", "not-ready")
            ),
        ]
    )
)

_log = logging.getLogger("prefect.worker.warm")


class PollPace:
    """Says at which of its turns the worker polls; times are of the monotonic clock."""

    def __init__(self, turn_seconds: float) -> None:
        """Begin with a poll at every turn."""
        self._turn_seconds = turn_seconds
        self._awake_until = 0.0
        self._next_at = 0.0
        self.hears = False
        """True while the events of the server come in."""

    @property
    def ahead_seconds(self) -> float:
        """How far ahead a poll looks, so that the next one comes before what is due."""
        return (RARE + 2) * _JITTER * self._turn_seconds

    def is_due(self) -> bool:
        """Return True if this turn is a poll."""
        now = time.monotonic()
        return not self.hears or now < self._awake_until or now >= self._next_at

    def news(self) -> None:
        """Poll at the next turns."""
        self._awake_until = time.monotonic() + _AWAKE * _JITTER * self._turn_seconds

    def polled(self, *, idle: bool, soonest_seconds: float | None) -> None:
        """Note what a poll has found: nothing to do now, and when there will be something."""
        rest = RARE * self._turn_seconds if idle else 0.0
        if soonest_seconds is not None:
            rest = min(rest, soonest_seconds)
        self._next_at = time.monotonic() + rest


class Polls:
    """The polls for the runs of one work pool."""

    def __init__(self, client: PrefectClient, pool: str, rules: StartRules) -> None:
        self._client = client
        self._pool = pool
        self._rules = rules
        self.pace = PollPace(get_current_settings().worker.query_seconds)

    async def due(
        self, queues: Collection[str], early_seconds: float, *, busy: bool
    ) -> list[FlowRun]:
        """
        Return the runs that are due within ``early_seconds``, and upkeep that is due now.

        A poll leaves out upkeep while a pause lasts. At a turn that is no poll nothing is asked and
        nothing found; while the worker is ``busy`` each turn is one.
        """
        if not (busy or self.pace.is_due()):
            return []
        now, early = datetime.now(UTC), timedelta(seconds=early_seconds)
        ahead = now + timedelta(seconds=self.pace.ahead_seconds)
        polled, upkeep = await asyncio.gather(
            self._poll(queues, ahead + early), self._rules.upkeep(before=ahead)
        )
        found: dict[UUID, FlowRun] = {}
        soonest: float | None = None
        for runs, before in ((polled, early), (upkeep, timedelta(0))):
            for run in runs:
                wait = ((run.next_scheduled_start_time or now) - before - now).total_seconds()
                if wait <= 0:
                    found[run.id] = run
                else:
                    soonest = wait if soonest is None else min(wait, soonest)
        self.pace.polled(idle=not (busy or found), soonest_seconds=soonest)
        return list(found.values())

    async def _poll(self, queues: Collection[str], before: datetime) -> list[FlowRun]:
        try:
            entries = await self._client.get_scheduled_flow_runs_for_work_pool(
                work_pool_name=self._pool, scheduled_before=before, work_queue_names=list(queues)
            )
        except ObjectNotFound:  # the pool is made, or missed in the log, at the next heartbeat
            return []
        return [entry.flow_run for entry in entries]

    async def listen(self) -> None:
        """Hear the server's events, for ever."""
        while True:
            try:
                async with contextlib.AsyncExitStack() as closing:
                    events = get_events_subscriber(_NEWS.model_copy(), reconnection_attempts=0)
                    closing.push_async_exit(events)  # first: one that fails to enter stays open
                    await events.__aenter__()
                    self.pace.news()  # for what was before we listened
                    self.pace.hears = True
                    async for _ in events:
                        self.pace.news()
            except (WebSocketException, httpx.HTTPError, OSError, TimeoutError) as error:
                _log.warning("No events of the server, polling often: %s", type(error).__name__)
            finally:
                self.pace.hears = False
            await asyncio.sleep(_RETRY_SECONDS)
