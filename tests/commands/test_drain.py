"""``cct-ops drain``: it says how it stands, waits for what is under way, and is ended by a word."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from prefect.settings import PREFECT_API_URL, temporary_settings

from cct_ops.cli import app
from cct_ops.commands import drain as command
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.gate import drains, permits
from tests import left_runs
from tests.commands.conftest import Typed
from tests.ledger.alerts import opened
from tests.ledger.history import a_run, permitted, plan


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other closely."""
    monkeypatch.setattr(command, "LOOK_SECONDS", 0.05)


@pytest.fixture
def on_prefect(prefect_api_url: str) -> Iterator[None]:
    """Prefect answers, and no run is under way there."""
    left_runs.forget(prefect_api_url)
    with temporary_settings({PREFECT_API_URL: prefect_api_url}):
        yield


@pytest.fixture
def no_prefect() -> Iterator[None]:
    """Nobody answers where Prefect should be."""
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        yield


@pytest.mark.usefixtures("no_prefect")
def test_it_says_how_it_stands(typed: Typed, engine: sa.Engine) -> None:
    assert "Runs begin as ever" in typed("drain --show")
    opened(engine)

    said = typed("drain --reason upgrade")
    assert "Drained: no new run begins." in said
    assert "upgrade." in said
    assert "1 alert waits for the end of it." in said
    assert "It was drained before." in typed("drain")
    shown = json.loads(typed("drain --show --json"))
    assert (shown["draining"], shown["reason"], shown["alerts_waiting"]) == (True, "upgrade", 1)
    assert shown["runs_under_way"] is None  # nobody knows, and nobody makes it up

    assert "The drain is over: runs begin again. 1 alert has waited." in typed("drain --end")
    assert "Nothing was drained" in typed("drain --end")


@pytest.mark.usefixtures("on_prefect")
def test_it_waits_until_no_change_may_be_made_any_more(typed: Typed, engine: sa.Engine) -> None:
    permit = permitted(engine, a_run(), plan())
    closing = threading.Timer(0.5, permits.close, [engine, permit])
    closing.start()

    said = typed("drain --wait")

    assert "No run is under way, and 1 permit is open." in said
    assert said.endswith("Nothing is under way: parts can be stopped, upgraded and started.\n")
    closing.join()
    assert drains.standing(engine) is not None


@pytest.mark.usefixtures("on_prefect", "engine")
def test_where_nothing_is_under_way_the_shortest_wait_is_enough(typed: Typed) -> None:
    assert "Nothing is under way" in typed("drain --wait --minutes 0")


@pytest.mark.usefixtures("on_prefect")
def test_what_takes_too_long_ends_the_wait_and_not_the_drain(
    on_ledger: None, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    permitted(engine, a_run(), plan())

    assert app("drain --wait --minutes 0.001", exit_on_error=False) == 1

    assert "It is not over yet. The drain lasts" in capsys.readouterr().out
    assert drains.standing(engine) is not None


@pytest.mark.usefixtures("on_prefect")
def test_whoever_waits_hears_that_somebody_else_ended_it(
    on_ledger: None, engine: sa.Engine
) -> None:
    permitted(engine, a_run(), plan())
    ending = threading.Timer(0.5, drains.end, [engine, "I need it", "grace"])
    ending.start()

    with pytest.raises(BadConfiguration, match="somebody has ended the drain"):
        app("drain --wait", exit_on_error=False)
    ending.join()


def test_two_words_at_once_are_refused(on_ledger: None) -> None:
    with pytest.raises(BadConfiguration, match="exclude each other"):
        app("drain --end --wait", exit_on_error=False)
