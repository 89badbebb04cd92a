"""The time in which a read-back must show an effect counts answers, and no waiting for them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from cct_ops.actions.action import ReadBack
from cct_ops.errors import Unavailable
from cct_ops.gate.apply_and_confirm import read_back
from cct_ops.gate.collaborators import SystemClock

SETTLE = 0.4


def looks(
    *answers: bool | None, wait_seconds: float = 0
) -> tuple[Callable[[], ReadBack], list[float]]:
    """Looks that show the effect, or not, or are not answered; when each began after its wait."""
    left, began = list(answers), []

    def look() -> ReadBack:
        time.sleep(wait_seconds)
        began.append(time.monotonic())
        answer = left.pop(0) if len(left) > 1 else left[0]
        if answer is None:
            raise Unavailable("No answer.")
        return ReadBack(answer, "on" if answer else "off")

    return look, began


def test_a_look_that_waited_longer_than_the_window_is_followed_by_another() -> None:
    """The first answer is of a time at which reads may still lag."""
    look, began = looks(False, True, wait_seconds=2 * SETTLE)

    seen = read_back(look, SystemClock(), SETTLE)

    assert (seen.took_effect, len(began)) == (True, 2)


def test_it_is_looked_to_the_end_of_the_window() -> None:
    look, began = looks(False)
    sent = time.monotonic()

    seen = read_back(look, SystemClock(), SETTLE)

    assert (seen.took_effect, seen.answered) == (False, True)
    assert began[-1] - sent >= SETTLE


@pytest.mark.parametrize("then", [True, False])
def test_looks_without_an_answer_say_nothing(then: bool) -> None:
    look, _ = looks(None, None, then)

    seen = read_back(look, SystemClock(), SETTLE)

    assert (seen.took_effect, seen.answered) == (then, True)


def test_when_none_is_answered_nothing_is_known() -> None:
    look, _ = looks(None)

    seen = read_back(look, SystemClock(), SETTLE)

    assert (seen.took_effect, seen.answered, seen.words) == (False, False, "No answer")
