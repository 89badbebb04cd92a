"""A change waits for a Prefect that cannot make its revert just now, as it does for the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import repeat

import pytest
import sqlalchemy as sa
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.errors import NotPermitted, Unavailable
from cct_ops.gate import scheduled_reverts
from cct_ops.interrupts import Interrupts
from cct_ops.ledger.engine import patient
from tests.controller.wire import Answer, Request, Wire, passing_on_to, wire
from tests.flows.upkeep import LOOSER, weakened

pytestmark = pytest.mark.usefixtures("upkeep")


@contextmanager
def answering(prefect_api_url: str, failures: Iterator[Answer | None]) -> Iterator[Wire]:
    """Stand between this process and Prefect, and fail requests for a run while there are any."""
    on = passing_on_to(prefect_api_url.removesuffix("/api"))

    def behave(request: Request) -> Answer | None:
        if request.creates_run:
            for failure in failures:
                return failure
        return on(request)

    with wire(behave) as between, temporary_settings({PREFECT_API_URL: f"{between.url}/api"}):
        yield between


def asked_for_runs(between: Wire) -> int:
    """Count the requests for a run."""
    return sum(request.creates_run for request in between.requests)


def test_a_revert_is_asked_for_until_prefect_makes_it(
    engine: sa.Engine, prefect_api_url: str
) -> None:
    change = weakened(engine, LOOSER)

    with answering(prefect_api_url, iter([Answer(500), None, Answer(500)])) as between, patient(60):
        before = change.model_copy(update={"scheduled_reverts": 0})
        run_id = scheduled_reverts.schedule(engine, before)

    assert run_id == change.scheduled_revert_id  # which there is already, so none is made twice
    assert asked_for_runs(between) == 4


def test_a_prefect_that_is_away_altogether_is_waited_for_as_well(
    engine: sa.Engine, prefect_api_url: str
) -> None:
    """Also where the first request, for its time, has no answer."""
    change = weakened(engine, LOOSER)
    before = change.model_copy(update={"scheduled_reverts": 0})
    on = passing_on_to(prefect_api_url.removesuffix("/api"))
    away: Iterator[Answer | None] = iter([Answer(500), None, Answer(503)])

    def behave(request: Request) -> Answer | None:
        for failure in away:
            return failure
        return on(request)

    with (
        wire(behave) as between,
        temporary_settings({PREFECT_API_URL: f"{between.url}/api"}),
        patient(60),
    ):
        run_id = scheduled_reverts.schedule(engine, before)

    assert run_id == change.scheduled_revert_id


def test_a_port_on_which_nothing_listens_is_no_answer(engine: sa.Engine) -> None:
    change = weakened(engine, LOOSER)

    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        pytest.raises(Unavailable, match="No answer from Prefect: ConnectError"),
    ):
        scheduled_reverts.schedule(engine, change)


def test_a_run_that_is_to_stop_waits_no_longer(engine: sa.Engine) -> None:
    change = weakened(engine, LOOSER)
    wishes = Interrupts()
    wishes.stop(partial(NotPermitted, "A person wants it to stop."))

    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        patient(60),
        wishes.here(),
        pytest.raises(NotPermitted, match="wants it to stop"),
    ):
        scheduled_reverts.schedule(engine, change)


def test_whoever_has_no_patience_is_told_at_once(engine: sa.Engine, prefect_api_url: str) -> None:
    change = weakened(engine, LOOSER)

    with (
        answering(prefect_api_url, repeat(Answer(500))) as between,
        pytest.raises(Unavailable, match="Prefect answered 500"),
    ):
        scheduled_reverts.schedule(engine, change)

    assert asked_for_runs(between) == 1
