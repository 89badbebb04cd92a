"""How often a warm worker polls, and that nothing waits longer for it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.worker.deployment_cache import DeploymentCache
from cct_ops.worker.drain import Drain
from cct_ops.worker.polls import RARE, PollPace, Polls
from cct_ops.worker.start_rules import StartRules
from tests.stack.polling import eventually
from tests.worker.relay import relay
from tests.worker.running import Pool

SOON = 0.05


def test_each_turn_is_a_poll_while_no_events_come_in() -> None:
    """Then nothing else would tell of a run."""
    pace = PollPace(3600)

    pace.polled(idle=True, soonest_seconds=None)

    assert pace.is_due()


@pytest.mark.parametrize("idle", [True, False])
def test_a_poll_that_found_nothing_is_followed_by_a_rest(*, idle: bool) -> None:
    """One that found something is not: what has to wait is found by the next one."""
    pace = PollPace(3600)
    pace.hears = True

    assert pace.is_due(), "the first one"
    pace.polled(idle=idle, soonest_seconds=None)

    assert pace.is_due() is not idle


def test_news_end_the_rest_for_two_turns_at_least() -> None:
    """An event may be heard before the run that it tells of can be read."""
    pace = PollPace(3600)
    pace.hears = True
    pace.polled(idle=True, soonest_seconds=None)

    pace.news()
    for _ in range(2):
        assert pace.is_due()
        pace.polled(idle=True, soonest_seconds=None)


def test_the_rest_ends_before_what_is_scheduled() -> None:
    """A poll looks further ahead than the longest rest."""
    pace = PollPace(3600)
    pace.hears = True

    pace.polled(idle=True, soonest_seconds=SOON)
    assert not pace.is_due()
    time.sleep(2 * SOON)

    assert pace.is_due()
    assert pace.ahead_seconds > (RARE + 1) * 3600


def test_the_end_of_the_events_is_noticed_and_so_is_their_return(prefect_api_url: str) -> None:
    """As after an outage of the server."""

    async def becomes(pace: PollPace, *, hears: bool) -> None:
        async with asyncio.timeout(60):
            while pace.hears is not hears:  # noqa: ASYNC110 -- it is a flag
                await asyncio.sleep(0.05)

    async def live() -> None:
        async with get_client() as client:
            rules = StartRules(client, "none", DeploymentCache(client, "none"), Drain(None))
            polls = Polls(client, "none", rules)
            listening = asyncio.create_task(polls.listen())
            await becomes(polls.pace, hears=True)
            await asyncio.to_thread(line.cut)
            await becomes(polls.pace, hears=False)
            line.mend()
            await becomes(polls.pace, hears=True)
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening  # or a second cancel would cut its farewell short

    with relay(prefect_api_url) as line, temporary_settings({PREFECT_API_URL: line.url}):
        asyncio.run(live())


def test_a_worker_that_rests_begins_what_others_make_as_soon_as_ever(own_pool: Pool) -> None:
    """Also what is scheduled, which it hears of long before it is due."""
    ping = own_pool.deploy("ping")

    def rests() -> bool:
        (queue,) = own_pool.ask("POST", f"/work_pools/{own_pool.name}/queues/filter", {})
        polled = datetime.fromisoformat(queue["last_polled"])
        return datetime.now(UTC) - polled > timedelta(seconds=10)

    with own_pool.worker(PREFECT_WORKER_QUERY_SECONDS="3"):  # it rests for 30 s
        own_pool.ended(own_pool.create(ping, note="first"))
        eventually(rests, seconds=120)
        now = own_pool.create(ping, note="now")
        due = datetime.now(UTC) + timedelta(seconds=20)
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
        path = f"/deployments/{ping}/create_flow_run"
        later = own_pool.ask("POST", path, {"parameters": {"note": "later"}, "state": state})["id"]
        own_pool.ended(now)
        own_pool.ended(later)

    run = own_pool.run(now)
    waited = datetime.fromisoformat(run["start_time"]) - datetime.fromisoformat(run["created"])
    assert waited < timedelta(seconds=19), "the next rare poll comes in 20 s at the soonest"
    began = datetime.fromisoformat(own_pool.run(later)["start_time"])
    assert timedelta(seconds=-1) <= began - due < timedelta(seconds=15)
