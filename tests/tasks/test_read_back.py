"""The time in which a read-back must show an effect counts answers, and no waiting for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cct_ops.actions.action import ReadBack
from cct_ops.errors import Unavailable
from cct_ops.models.permit import Permit
from tasks import carry_out
from tasks.carry_out import System

SETTLE = 0.4


def system(wait_seconds: float) -> System:
    """A system whose reads wait so long for their turn."""

    @contextmanager
    def reader() -> Iterator[None]:
        time.sleep(wait_seconds)
        yield

    @contextmanager
    def nobody(permit: Permit) -> Iterator[None]:
        yield

    return System("CCT", reader, nobody)


def looks(*answers: bool | None) -> tuple[Callable[[object], ReadBack], list[float]]:
    """Looks that show the effect, or not, or are not answered; and when each began."""
    left, began = list(answers), []

    def look(_: object) -> ReadBack:
        began.append(time.monotonic())
        answer = left.pop(0) if len(left) > 1 else left[0]
        if answer is None:
            raise Unavailable("No answer.")
        return ReadBack(answer, "on" if answer else "off")

    return look, began


def test_a_look_that_waited_longer_than_the_window_is_followed_by_another() -> None:
    """The first answer is of a time at which reads may still lag."""
    look, began = looks(False, True)

    seen = carry_out._read_back(look, system(2 * SETTLE), SETTLE)

    assert (seen.took_effect, len(began)) == (True, 2)


def test_it_is_looked_to_the_end_of_the_window() -> None:
    look, began = looks(False)
    sent = time.monotonic()

    seen = carry_out._read_back(look, system(0), SETTLE)

    assert (seen.took_effect, seen.answered) == (False, True)
    assert began[-1] - sent >= SETTLE


@pytest.mark.parametrize("then", [True, False])
def test_looks_without_an_answer_say_nothing(then: bool) -> None:
    look, _ = looks(None, None, then)

    seen = carry_out._read_back(look, system(0), SETTLE)

    assert (seen.took_effect, seen.answered) == (then, True)


def test_when_none_is_answered_nothing_is_known() -> None:
    look, _ = looks(None)

    seen = carry_out._read_back(look, system(0), SETTLE)

    assert (seen.took_effect, seen.answered, seen.words) == (False, False, "No answer")
