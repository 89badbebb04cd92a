"""What nobody means: addresses, filters and forms of rubbish get a plain answer and harm nobody."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile

import pytest
import sqlalchemy as sa

from cct_ops.board.page import Board
from cct_ops.ledger.gate import switches
from cct_ops.settings import Settings
from tests.board.conftest import Person, SignedIn
from tests.board.test_stream import Listener
from tests.ledger.alerts import opened


@pytest.fixture
def policy(tmp_path: Path, board_settings: Settings) -> Path:
    """A policy that this test may spoil."""
    return Path(copyfile(board_settings.policy_path, tmp_path / "policy.yaml"))


@pytest.fixture
def board(engine: sa.Engine, board_settings: Settings, policy: Path) -> Board:
    """A board that goes by it."""
    return Board(engine, board_settings.model_copy(update={"policy_path": policy}))


NO_ADDRESSES = ("//[", "//[x]/now", "http://[", "//\u2100/now")


@pytest.mark.parametrize(
    "path",
    [
        "/inbox?about=%00",
        "/inbox?about=a%00b&show=%00",
        "/inbox?about=%ff%fe%ED%A0%80",
        "/inbox?about=" + "x" * 5000,
        "/incidents?severity=%00&who=%00&state=%00",
        "/changes?state=%00",
        "/now?" + "&".join(f"f{number}=1" for number in range(500)),
    ],
)
def test_a_filter_of_rubbish_finds_nothing_and_breaks_nothing(
    signed_in: SignedIn, path: str
) -> None:
    assert signed_in().get(path).status_code == 200


@pytest.mark.parametrize("place", NO_ADDRESSES)
def test_what_is_no_address_has_no_news(signed_in: SignedIn, place: str) -> None:
    answer = signed_in().http.get("/events", params={"page": place})

    assert answer.status_code == 404


@pytest.mark.parametrize("place", NO_ADDRESSES)
def test_whoever_would_be_led_to_no_address_is_led_to_now(
    signed_in: SignedIn, engine: sa.Engine, place: str
) -> None:
    answer = signed_in().send("/switches/stop", reason="because", back=place)

    assert (answer.status_code, answer.headers.get("location")) == (303, "/now")
    last = switches.last(engine)
    assert last is not None
    assert last.stopped


@pytest.mark.parametrize("host", ["[", "[x", "[::1", "127.0.0.1@x", "\xe2\x84\x80"])
def test_what_is_no_name_is_none_of_the_boards(stranger: Person, host: str) -> None:
    answer = stranger.http.get("/now", headers={b"Host": host.encode("latin-1")})

    assert answer.status_code in {400, 421}


def test_a_page_that_cannot_be_read_takes_no_news_from_others(
    signed_in: SignedIn, engine: sa.Engine, policy: Path
) -> None:
    """The policy may be a file that somebody is just writing; its own page says so at once."""
    person = signed_in()
    of_policy, other = Listener(person, "/switches"), Listener(person, "/now")
    of_policy.known()
    other.known()
    good = policy.read_text()
    policy.write_text("{")

    opened(engine)

    assert of_policy.told()[0] == "changed"
    assert other.told()[0] == "changed"
    answer = person.get("/switches", **{"X-Board-Live": "1"})
    assert (answer.status_code, "policy.yaml" in answer.text) == (409, True)
    assert "This page cannot be shown" in answer.text
    policy.write_text(good)
    assert of_policy.told()[0] == "changed"
