"""News: told within two seconds of the row, read once for all readers, and for nobody else."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.board import stream
from cct_ops.board.page import Board
from cct_ops.board.pages import now
from cct_ops.ledger.engine import connect
from cct_ops.ledger.people import sign_ins
from tests.board.conftest import Person, SignedIn, new_link, served
from tests.ledger.alerts import opened
from tests.plain import NO_TLS
from tests.worker.relay import relay

SOON_SECONDS = 2.0


class Listener:
    """One open page, with the events that it was told of, and when."""

    def __init__(self, person: Person, page: str, seen: str = "") -> None:
        self.events: list[tuple[str, float]] = []
        self._thread = threading.Thread(target=self._listen, args=(person, page, seen), daemon=True)
        self._thread.start()

    def _listen(self, person: Person, page: str, seen: str) -> None:
        with (
            suppress(httpx.HTTPError),
            person.http.stream("GET", "/events", params={"page": page, "seen": seen}) as answer,
        ):
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    self.events.append((line.removeprefix("event: "), time.monotonic()))

    def known(self) -> None:
        """Wait until the board has read this page; a reader who has seen nothing is told so."""
        assert self.told()[0] == "changed"

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
    page.known()

    opened(engine)
    written = time.monotonic()
    event, at = page.told()

    assert event == "changed"
    assert at - written < SOON_SECONDS


def seen_by(person: Person) -> str:
    """Return what Now says of the state in which this person is shown it."""
    found = re.search(r'data-seen="(\w+)"', person.get("/now").text)
    assert found is not None
    return found[1]


def test_what_changed_before_the_page_listened_is_news(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    """Between the page and its news there is time for a row; whoever has it already is not told."""
    person = signed_in()
    before = seen_by(person)
    opened(engine)
    after = seen_by(person)
    late, current = Listener(person, "/now", before), Listener(person, "/now", after)

    assert late.told()[0] == "changed"
    later = Listener(person, "/now", before)
    assert later.told()[0] == "changed"
    assert current.events == []


def test_readers_are_told_that_the_ledger_is_away_and_that_it_is_back(
    board: Board, ledger_url: SecretStr
) -> None:
    with relay(ledger_url.get_secret_value()) as line:
        far = connect(SecretStr(line.url))
        with (
            served(Board(far, board.settings)) as address,
            httpx.Client(base_url=address, timeout=20, trust_env=False, verify=NO_TLS) as http,
        ):
            person = Person(http, address)
            assert person.enter(new_link(board.engine)).status_code == 303
            page = Listener(person, "/now")
            page.known()

            line.cut()
            assert page.told()[0] == "away"
            answer = person.get("/now")
            assert answer.status_code == 503
            assert "The ledger (PostgreSQL) does not answer." in answer.text
            assert person.http.get("/events", params={"page": "/now"}).status_code == 503

            line.mend()
            assert page.told()[0] == "changed"
        far.dispose()


def test_readers_are_told_of_a_ledger_that_hangs(
    signed_in: SignedIn, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It refuses nothing and answers nothing, and a page that still says live would lie."""
    page = Listener(signed_in(), "/now")
    page.known()

    with engine.begin() as tx:
        tx.execute(sa.text("LOCK TABLE switches IN ACCESS EXCLUSIVE MODE"))
        # Not before: on a busy machine the first reading takes longer.
        monkeypatch.setattr(stream, "ANSWER_SECONDS", 0.5)
        opened(engine)
        assert page.told()[0] == "away"

    assert page.told()[0] == "changed"


def test_one_reading_does_for_all_readers(
    signed_in: SignedIn, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [Listener(signed_in(), "/now") for _ in range(5)]
    for page in pages:
        page.known()

    with reads(engine, "FROM switches") as seen:
        opened(engine)
        told = [page.told()[0] for page in pages]

    assert told == ["changed"] * 5
    assert 1 <= len(seen) <= 2  # not five; the incident's own rows may come in two


def test_a_change_that_the_page_does_not_show_is_no_news(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    page, other = Listener(signed_in(), "/switches"), Listener(signed_in(), "/now")
    page.known()
    other.known()

    opened(engine)

    assert other.told()[0] == "changed"
    assert page.events == []


def test_who_was_signed_out_hears_it_and_nothing_more(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    page = Listener(signed_in(), "/now")
    page.known()
    (session,) = sign_ins.sessions(engine)

    sign_ins.revoke(engine, session.id, "an admin")

    assert page.told()[0] == "over"


def test_nothing_is_asked_while_nobody_looks(signed_in: SignedIn, engine: sa.Engine) -> None:
    assert now.PAGE.path == "/now"
    signed_in().get("/now")

    with reads(engine, "pg_current_snapshot") as seen:
        time.sleep(SOON_SECONDS)

    assert seen == []
