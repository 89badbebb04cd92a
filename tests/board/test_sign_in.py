"""Who gets in: a link lets one person in once, and nobody else sees or does anything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import sqlalchemy as sa

from cct_ops.board import pages
from cct_ops.board.headers import Site
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.gate import switches
from cct_ops.ledger.people import sign_ins
from cct_ops.ledger.people.tables import board_sessions, sign_in_links
from cct_ops.models.role import Role
from cct_ops.settings import Settings
from tests.board.conftest import Person, SignedIn, new_link
from tests.plain import NO_TLS

ADDRESSES = [
    *(
        page.path.replace("{incident_id}", str(0)).replace("{approval_id}", "0")
        for page in pages.ALL
    ),
    "/events?page=/now",
    "/nowhere",
]
ACTIONS = [action.path for page in pages.ALL for action in page.actions]


def test_a_stranger_sees_nothing_anywhere(stranger: Person) -> None:
    """And is told how to get in, without being told what there is."""
    for path in ADDRESSES:
        answer = stranger.get(path)
        assert answer.status_code == 401, path
        assert path.startswith("/events") or "cct-ops board link" in answer.text


def test_a_stranger_does_nothing_anywhere(stranger: Person, engine: sa.Engine) -> None:
    here = {"Origin": stranger.address}

    for path in ACTIONS:
        assert stranger.http.post(path, data={"reason": "x"}, headers=here).status_code == 401

    assert switches.last(engine) is None


def test_a_look_at_a_link_changes_nothing_and_its_button_signs_in(
    stranger: Person, engine: sa.Engine
) -> None:
    """Previews follow links, and must not use them up."""
    path = new_link(engine, Role.RESPONDER, "Ben Okafor")

    for _ in range(3):
        looked = stranger.get(path)
        assert looked.status_code == 200
        assert "Sign in as Ben Okafor" in looked.text
        assert stranger.cookie is None
    assert stranger.enter(path).headers["location"] == "/"

    (session,) = sign_ins.sessions(engine)
    assert (session.person, session.role) == ("Ben Okafor", Role.RESPONDER)
    assert session.proof == "signed in on the board by a one-time link, made by root"
    assert "Ben Okafor" in stranger.get("/now").text


def test_a_link_that_was_used_lets_nobody_in_again(
    stranger: Person, engine: sa.Engine, signed_in: SignedIn
) -> None:
    """Neither by a look nor by a post, and the page says what that may mean."""
    path = new_link(engine)
    stranger.enter(path)
    stranger.http.cookies.clear()

    for answer in (stranger.get(path), stranger.enter(path)):
        assert answer.status_code == 410
        assert "let somebody in already" in answer.text
        assert "cct-ops board sessions" in answer.text
    assert stranger.cookie is None


def test_of_two_who_use_a_link_at_once_one_gets_in(address: str, engine: sa.Engine) -> None:
    path = new_link(engine)

    def enter(_: int) -> int:
        with httpx.Client(base_url=address, trust_env=False, verify=NO_TLS, timeout=20) as http:
            return Person(http, address).enter(path).status_code

    with ThreadPoolExecutor(8) as threads:
        answers = sorted(threads.map(enter, range(8)))

    assert answers == [303, *[410] * 7]


def test_a_link_is_good_for_minutes(stranger: Person, engine: sa.Engine) -> None:
    path = new_link(engine)
    with engine.begin() as tx:
        tx.execute(sa.update(sign_in_links).values(expires_at=sa.func.now()))

    assert stranger.get(path).status_code == 410
    assert "too old" in stranger.enter(path).text
    assert stranger.cookie is None


def test_a_made_up_link_is_none(stranger: Person) -> None:
    for token in ("", "x", "../now", "%00", "é" * 50, "A" * 5000):
        assert stranger.enter(f"/links/{token}").status_code in {401, 404}, token
    assert stranger.cookie is None


def test_the_ledger_holds_no_token(stranger: Person, engine: sa.Engine) -> None:
    """Whoever reads it, or a backup of it, gets in nowhere."""
    path = new_link(engine)
    stranger.enter(path)

    with engine.connect() as connection:
        rows = str(connection.execute(sa.select(sign_in_links)).all())
        rows += str(connection.execute(sa.select(board_sessions)).all())
    assert path.rpartition("/")[2] not in rows
    assert stranger.cookie is not None
    assert stranger.cookie not in rows


def test_a_session_that_somebody_chose_is_never_used(stranger: Person, engine: sa.Engine) -> None:
    """Whoever planted a cookie in a browser does not get in with the person who uses it."""
    stranger.http.cookies.set("cct-ops-board", "planted-by-somebody-else")

    answer = stranger.enter(new_link(engine))

    assert "planted" not in answer.headers["set-cookie"]
    assert sign_ins.find_session(engine, "planted-by-somebody-else") is None


def test_whoever_signs_in_again_leaves_the_old_session(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    person = signed_in()
    before = person.cookie

    person.enter(new_link(engine))

    assert person.cookie != before
    assert len(sign_ins.sessions(engine)) == 1
    assert before is not None
    assert sign_ins.find_session(engine, before) is None


def test_a_session_that_is_ended_is_a_stranger_s_at_once(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    admin, other = signed_in(), signed_in(Role.RESPONDER, "Ben Okafor")
    session = next(each for each in sign_ins.sessions(engine) if each.person == "Ben Okafor")

    assert admin.send(f"/sessions/{session.id}/revoke").status_code == 303

    assert other.get("/now").status_code == 401
    (over,) = [each for each in sign_ins.sessions(engine, ended=True) if each.id == session.id]
    assert over.revoked_by == "Anna Ito, signed in on the board"


def test_a_session_ends_by_itself(signed_in: SignedIn, engine: sa.Engine) -> None:
    person = signed_in()
    with engine.begin() as tx:
        tx.execute(sa.update(board_sessions).values(expires_at=sa.func.now()))

    assert person.get("/now").status_code == 401


def test_who_signs_out_is_a_stranger(signed_in: SignedIn, engine: sa.Engine) -> None:
    person = signed_in()
    cookie = person.cookie

    assert "You are signed out." in person.send("/sign-out").text

    assert cookie is not None
    assert sign_ins.find_session(engine, cookie) is None
    assert person.cookie is None


def test_no_script_and_no_other_site_can_take_the_cookie(
    stranger: Person, engine: sa.Engine
) -> None:
    said = stranger.enter(new_link(engine)).headers["set-cookie"].lower()

    assert "httponly" in said
    assert "samesite=lax" in said
    assert "domain" not in said


def test_beyond_this_machine_the_board_takes_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """And its cookie is then one that no other host and no plain connection can set or see."""
    monkeypatch.setenv("CCT_OPS_BOARD_HOST", "0.0.0.0")  # noqa: S104 -- never listened on
    with pytest.raises(BadConfiguration, match="CCT_OPS_BOARD_URL"):
        Site.of(Settings.load())
    monkeypatch.setenv("CCT_OPS_BOARD_URL", "http://board.example")
    with pytest.raises(BadConfiguration, match="https"):
        Site.of(Settings.load())

    monkeypatch.setenv("CCT_OPS_BOARD_URL", "https://board.example")
    site = Site.of(Settings.load())

    assert (site.secure, site.cookie) == (True, "__Host-cct-ops")
    assert site.knows("board.example")
    assert not site.knows("127.0.0.1:8070")


def test_the_board_answers_under_its_own_name_alone(signed_in: SignedIn) -> None:
    """A name that somebody lets point here must not read what this browser may see."""
    person = signed_in()

    for host in ("evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""):
        assert person.get("/now", Host=host).status_code in {400, 421}, host


def test_a_form_of_another_site_does_nothing(signed_in: SignedIn, engine: sa.Engine) -> None:
    """Not even one that carries the right token, and none of a browser that does not say."""
    person = signed_in()
    form = {"form_token": person.token(), "reason": "because"}
    foreign: list[dict[str, str]] = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": person.address},
        {},
    ]

    for headers in foreign:
        for path in ("/switches/stop", "/sign-out", new_link(engine)):
            assert person.http.post(path, data=form, headers=headers).status_code == 403, headers

    assert switches.last(engine) is None
    assert len(sign_ins.sessions(engine)) == 1


def test_a_form_without_the_session_s_own_token_does_nothing(
    signed_in: SignedIn, engine: sa.Engine
) -> None:
    person, other = signed_in(), signed_in(Role.ADMIN, "Ben Okafor")
    here = {"Origin": person.address}

    for token in ("", "x", "0" * 64, other.token()):
        form = {"form_token": token, "reason": "because"}
        answer = person.http.post("/switches/stop", data=form, headers=here)
        assert answer.status_code == 403
        assert "load the page again" in answer.text

    assert switches.last(engine) is None


def test_nobody_is_led_away_afterwards(signed_in: SignedIn) -> None:
    person = signed_in()

    for back in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", ""):
        answer = person.send("/switches/stop", reason="because", back=back)
        assert answer.headers["location"] == "/now", back
