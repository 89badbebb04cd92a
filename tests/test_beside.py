"""What is done beside a block ends with it, however it ends."""

from __future__ import annotations

import threading

import pytest

from cct_ops.beside import beside


def test_it_goes_on_until_the_block_ends() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work(over: threading.Event) -> None:
        begun.set()
        over.wait()
        ended.set()

    with beside(work):
        assert begun.wait(60)
        assert not ended.is_set()
    assert ended.is_set()


def test_a_block_that_fails_waits_for_it_too() -> None:
    ended = threading.Event()

    def work(over: threading.Event) -> None:
        over.wait()
        ended.set()

    with pytest.raises(ZeroDivisionError), beside(work):
        raise ZeroDivisionError
    assert ended.is_set()
