"""A week that fails is shrunk to the few events that do it, and these are replayed by a command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st
from rich.console import Console

from cct_ops.models import guards
from cct_ops.models.guards import Guard, GuardResult
from cct_ops.stack.postgres import EmbeddedPostgres
from evaluation.simulation import __main__ as simulation
from evaluation.simulation.seeds import Search, weeks
from evaluation.simulation.shrinking import shrunk
from evaluation.simulation.week import events
from tests.conftest import ROOT

POLICY = ROOT / "deployments" / "policy.yaml"
DAYS = 36 / (24 * 60)
AT_MOST = 20


@given(size=st.integers(1, 300), needed=st.sets(st.integers(0, 299), min_size=1, max_size=6))
def test_what_is_left_fails_and_nothing_of_it_can_be_left_out(size: int, needed: set[int]) -> None:
    """Wherever the events stand that it takes, and however many others there are."""
    meant = {each % size for each in needed}
    asked: list[Sequence[int]] = []

    def fails(part: Sequence[int]) -> bool:
        asked.append(part)
        return meant <= set(part)

    assert set(shrunk(range(size), fails)) == meant
    assert all(list(part) == sorted(part) and part for part in asked), "in their order, never none"
    assert len(asked) < 40 + 40 * len(meant) * len(meant)


def test_so_many_days_are_weeks() -> None:
    assert list(weeks(15)) == [7, 7, 1]
    assert len(list(weeks(1000))) == 143


def test_a_planted_fault_is_shrunk_to_its_event_and_replayed(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate without its guard for holds changes what a person has taken over."""
    console = Console(record=True, width=300)
    search = Search(postgres, POLICY, console, by_chance=False)
    whole = events(DAYS, 5, by_chance=False)
    nobody = GuardResult(guard=Guard.HOLD, stops=False, detail="nobody is asked")
    assert len(whole) > 10

    with monkeypatch.context() as planted:
        planted.setattr(guards, "_hold", lambda _: nobody)
        assert search.through(DAYS, first_seed=5) == 1
        said = console.export_text()
        command = shlex.split(re.findall(r"make simulate .*", said)[0])[2].removeprefix("ARGS=")
        (numbers,) = re.findall(r"--only (\S+)", command)
        left = [int(number) for number in numbers.split(",")]
        again, alerts = search.broken(DAYS, 5, left)

    assert "seed 5: " in said
    assert "FAILED, changes against orders" in said
    assert len(left) <= AT_MOST
    assert [whole[number].target for number in left] == ["/staged-held"]
    assert (again, alerts) == (["changes against orders"], 1)
    assert search.broken(DAYS, 5, left)[0] == [], "with the guard they do no harm"
    _, bound, _ = simulation.app.parse_args(shlex.split(command), exit_on_error=False)
    assert bound.arguments["only"] == numbers


def test_an_error_that_nobody_expected_is_found_by_its_place(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search(postgres, POLICY, Console(record=True), by_chance=False)
    monkeypatch.setattr(guards, "_hold", lambda _: None)

    (broken,), _ = search.broken(DAYS, 5, [0])

    assert re.fullmatch(r"AttributeError in guards.py:\d+", broken)
