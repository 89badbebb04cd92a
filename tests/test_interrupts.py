"""A wish that a run stops reaches it at its next step, in any wait, and in any thread of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context

import httpx
import pytest

from cct_ops import interrupts
from cct_ops.clients.connection import Connection
from cct_ops.errors import Unavailable
from cct_ops.interrupts import Interrupts

LONG = 60.0


class Wished(BaseException):
    """What the run is to stop by."""


@contextmanager
def wished_for(wishes: Interrupts, begun: threading.Event) -> Iterator[None]:
    """Have it wished that the run stops, once it waits."""

    def wish() -> None:
        begun.wait(LONG)
        time.sleep(0.05)
        wishes.stop(Wished)

    thread = threading.Thread(target=wish)
    thread.start()
    began = time.monotonic()
    try:
        yield
    finally:
        thread.join()
    assert time.monotonic() - began < LONG / 2


def test_a_wait_ends_by_it() -> None:
    wishes, begun = Interrupts(), threading.Event()
    begun.set()
    with wishes.here(), wished_for(wishes, begun), pytest.raises(Wished):
        interrupts.sleep(LONG)


def test_it_stays_until_the_run_has_stopped() -> None:
    """Whoever loses what was raised is told again at the next step."""
    wishes = Interrupts()
    wishes.stop(Wished)
    with wishes.here():
        for _ in range(3):
            with pytest.raises(Wished):
                interrupts.check()
    interrupts.check()


def test_nothing_interrupts_what_is_shielded() -> None:
    wishes = Interrupts()
    wishes.stop(Wished)
    with wishes.here(), interrupts.shielded():
        interrupts.check()
        interrupts.sleep(0.01)
        with interrupts.cuttable(lambda: pytest.fail("cut")):
            pass


def test_the_first_wish_counts() -> None:
    wishes = Interrupts()
    wishes.stop(Wished)
    wishes.stop(KeyboardInterrupt)
    with wishes.here(), pytest.raises(Wished):
        interrupts.check()


def test_threads_of_the_run_hear_it_and_others_do_not() -> None:
    wishes, heard = Interrupts(), []

    def step() -> None:
        try:
            interrupts.check()
        except Wished:
            heard.append(threading.current_thread().name)

    def run(name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name)
        thread.start()
        thread.join()

    wishes.stop(Wished)
    with wishes.here():
        context = copy_context()
    run("of the run", lambda: context.run(step))
    run("another", step)

    assert heard == ["of the run"]


@pytest.fixture
def mute() -> Iterator[str]:
    """The address of a server that takes every request and answers none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


class Asker(Connection):
    """A client of that server."""

    def ask(self, begun: threading.Event, *, write: bool) -> None:
        """Send one request."""
        with self._answered("mute", "GET /", write=write):
            begun.set()
            self._client.get("/")


def test_a_read_on_its_way_is_cut(mute: str) -> None:
    wishes, begun = Interrupts(), threading.Event()
    with (
        Asker(httpx.Client(base_url=mute, timeout=LONG), LONG) as asker,
        wishes.here(),
        wished_for(wishes, begun),
        pytest.raises(Wished),
    ):
        asker.ask(begun, write=False)


def test_a_write_on_its_way_is_not(mute: str) -> None:
    """Its answer is waited for, or the end of the time that it has."""
    wishes, begun = Interrupts(), threading.Event()
    with (
        Asker(httpx.Client(base_url=mute, timeout=0.5), 0.5) as asker,
        wishes.here(),
        wished_for(wishes, begun),
        pytest.raises(Unavailable, match="whether the change was made is unknown"),
    ):
        asker.ask(begun, write=True)
