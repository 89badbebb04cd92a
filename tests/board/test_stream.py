"""News: told within two seconds of the row, read once for all readers, and for nobody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
import sqlalchemy as sa

from cct_ops.board.pages import now
from cct_ops.ledger.people import sign_ins
from tests.board.conftest import Person, SignedIn
from tests.ledger.alerts import opened

SOON_SECONDS = 2.0


class Listener:
    """One open page, with the events that it was told of, and when."""

    def __init__(self, person: Person, page: str) -> None:
        self.events: list[tuple[str, float]] = []
        self.listening = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(person, page), daemon=True)
        self._thread.start()

    def _listen(self, person: Person, page: str) -> None:
        with (
            suppress(httpx.HTTPError),
            person.http.stream("GET", "/events", params={"page": page}) as answer,
        ):
            for line in answer.iter_lines():
                self.listening.set()
                if line.startswith("event: "):
                    self.events.append((line.removeprefix("event: "), time.monotonic()))

    def told(self, seconds: float = 20) -> tuple[str, float]:
        """Wait for the next event."""
        until = time.monotonic() + seconds
        while not self.events:
            assert time.monotonic() < until, "no news came"
            time.sleep(0.02)
        return self.events.pop(0)


@contextmanager
def reads(engine: sa.Engine, words: str) -> Iterator[list[str]]:
    """Keep the statements that hold these words."""
    seen: list[str] = []

    def keep(*arguments: object) -> None:
        if words in (said := str(arguments[2])):
            seen.append(said)

    sa.event.listen(engine, "before_cursor_execute", keep)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", keep)


def test_a_row_is_news_within_two_seconds(signed_in: SignedIn, engine: sa.Engine) -> None:
    page = Listener(signed_in(), "/now")
    page.listening.wait(20)
    time.sleep(SOON_SECONDS)  # what it looks like at first is known

    opened(engine)
    written = time.monotonic()
    event, at = page.told()

    assert event == "changed"
    assert at - written < SOON_SECONDS


def test_one_reading_does_for_all_readers(
    signed_in: SignedIn, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [Listener(signed_in(), "/now") for _ in range(5)]
    for page in pages:
        page.listening.wait(20)
    time.sleep(SOON_SECONDS)

    with reads(engine, "FROM switches") as seen:
        opened(engine)
        told = [page.told()[0] for page in pages]

    assert told == ["changed"] * 5
    assert 1 <= len(seen) <= 2  # not five; the incident's own rows may come in two


def test_a_change_that_the_page_does_not_show_is_no_news(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    page, other = Listener(signed_in(), "/switches"), Listener(signed_in(), "/now")
    page.listening.wait(20)
    other.listening.wait(20)
    time.sleep(SOON_SECONDS)

    opened(engine)

    assert other.told()[0] == "changed"
    assert page.events == []


def test_who_was_signed_out_hears_it_and_nothing_more(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    page = Listener(signed_in(), "/now")
    page.listening.wait(20)
    time.sleep(SOON_SECONDS)
    (session,) = sign_ins.sessions(engine)

    sign_ins.revoke(engine, session.id, "an admin")

    assert page.told()[0] == "over"


def test_nothing_is_asked_while_nobody_looks(signed_in: SignedIn, engine: sa.Engine) -> None:
    assert now.PAGE.path == "/now"
    signed_in().get("/now")

    with reads(engine, "pg_current_snapshot") as seen:
        time.sleep(SOON_SECONDS)

    assert seen == []
