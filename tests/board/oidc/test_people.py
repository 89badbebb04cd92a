"""Signing in by OIDC: whom the provider names and the file lets in, in the browser that began."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from cct_ops.board.page import Board
from cct_ops.ledger.people import sign_ins
from cct_ops.models.role import Role
from cct_ops.settings import Settings
from tests.board.conftest import Person, new_link, served
from tests.board.oidc.conftest import PEOPLE, Places, begin, come_back, new_browser
from tests.board.oidc.providers import Liar, agree, challenge, follow, make_user, query
from tests.chromium import needs_chromium


def test_the_provider_s_people_get_in_with_the_role_that_the_file_gives(
    real: str, places: Places, stranger: Person, engine: sa.Engine
) -> None:
    """And the record has who said so, and whom it named."""
    places.write(real)
    make_user(real, "s-lead", groups=["staff"], name="Somebody Else")
    looked = stranger.get("/incidents")
    assert looked.status_code == 401
    assert 'href="/sign-in/oidc?back=/incidents"' in looked.text

    back = agree(begin(stranger.http, "/incidents"), "s-lead")
    answer = follow(stranger.http, back)

    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/incidents"
    (session,) = sign_ins.sessions(engine)
    assert (session.person, session.role) == ("Incident lead", Role.APPROVER)
    assert session.proof == f"signed in by OIDC at {real} as s-lead"
    assert stranger.get("/now").status_code == 200

    # A code is good for one sign-in, and so is what the browser kept of it.
    assert follow(stranger.http, back).status_code == 403
    assert f"{real.removeprefix('http://')} may still know you" in stranger.send("/sign-out").text
    assert stranger.get("/now").status_code == 401


def test_roles_come_from_the_claim_and_nobody_gets_in_without_one(
    real: str, places: Places, address: str, engine: sa.Engine
) -> None:
    places.write(real)
    given = {
        "s-1": (["on-call", "staff"], Role.RESPONDER),
        "s-2": (["staff"], Role.VIEWER),
        "s-3": ("ops.admins", Role.ADMIN),
        "s-4": (["On-Call", "admin", "approver"], None),
        "s-5": ([["on-call"], {"on-call": 1}, 7], None),
        "s-6": (None, None),
        "s-anna": (["on-call"], Role.RESPONDER),
    }
    for subject, (groups, role) in given.items():
        make_user(real, subject, groups=groups, role="admin", roles=["admin"])
        with new_browser(address) as http:
            answer = follow(http, agree(begin(http), subject))
        if role is None:
            assert answer.status_code == 403, subject
            assert f"you are {subject}, and gives you no role here" in answer.text
            assert "cct-ops board link" in answer.text

    found = {each.person: each.role for each in sign_ins.sessions(engine)}
    named = {"Anna Ito" if each == "s-anna" else each: role for each, (_, role) in given.items()}
    assert found == {name: role for name, role in named.items() if role}


def test_an_account_that_bears_an_approver_s_name_is_not_that_person(
    liar: Liar, places: Places, stranger: Person, engine: sa.Engine
) -> None:
    """Who may choose the name of an account at the provider gets nobody's yes by that."""
    places.write(liar.issuer, "\n  account_claim: email" + PEOPLE)
    for name in ("On-call engineer", "on-call", "LEAD", "u000lead", "anna ito"):
        liar.claims = {"email": name, "email_verified": True}
        answer = come_back(stranger.http, liar)
        assert answer.status_code == 403, name
        assert "the name of somebody else here" in answer.text
    for claims, words in (
        ({"email": "s-lead", "email_verified": False}, "that your email is verified"),
        ({"email": "s-lead", "email_verified": "true"}, "that your email is verified"),
        ({"email": ["s-lead"], "email_verified": True}, "does not say your email"),
        ({"email": "x" * 101, "email_verified": True}, "does not say your email"),
        ({"email": "s-lead\u200b", "email_verified": True}, "that nobody can see"),
        ({"email": " s-lead", "email_verified": True}, "that nobody can see"),
    ):
        liar.claims = dict(claims)
        answer = come_back(stranger.http, liar)
        assert answer.status_code == 403, claims
        assert words in answer.text
    assert sign_ins.sessions(engine) == []


def test_a_code_is_proved_by_the_browser_that_began(
    liar: Liar, places: Places, stranger: Person
) -> None:
    """The provider is told a digest first, and what it is the digest of with the code."""
    places.write(liar.issuer)
    sent = query(begin(stranger.http))
    liar.nonce = sent["nonce"]
    asked = {"code": "c", "state": sent["state"]}

    answer = follow(stranger.http, str(httpx.URL("/sign-in/oidc/back", params=asked)))

    assert answer.status_code == 303, answer.text
    assert (sent["response_type"], sent["code_challenge_method"]) == ("code", "S256")
    assert "openid" in sent["scope"].split()
    (exchanged,) = liar.asked
    assert challenge(exchanged["code_verifier"]) == sent["code_challenge"]
    assert exchanged["redirect_uri"] == sent["redirect_uri"]
    assert sent["redirect_uri"] == f"{stranger.address}/sign-in/oidc/back"
    assert exchanged["by"].startswith("Basic ")
    assert len({sent["state"], sent["nonce"], exchanged["code_verifier"]}) == 3


def test_what_was_begun_in_another_browser_signs_nobody_in(
    real: str, places: Places, address: str, engine: sa.Engine
) -> None:
    """Neither a code that was stolen, nor one that is put into somebody's browser (login CSRF)."""
    places.write(real)
    make_user(real, "s-1", groups=["on-call"])
    with new_browser(address) as owner, new_browser(address) as other:
        stolen = agree(begin(owner), "s-1")
        assert follow(other, stolen).status_code == 403
        begin(other)
        assert "not begun in this browser" in follow(other, stolen).text
        mixed = query(begin(other)) | {"code": query(stolen)["code"]}
        path = str(httpx.URL("/sign-in/oidc/back", params=mixed))
        assert "nonce" in follow(other, path).text  # the provider at hand proves no code
        assert other.get("/now").status_code == 401
    assert sign_ins.sessions(engine) == []


def test_a_session_that_somebody_planted_is_not_the_one_that_begins(
    liar: Liar, places: Places, stranger: Person, engine: sa.Engine
) -> None:
    places.write(liar.issuer)
    stranger.enter(new_link(engine))
    before = stranger.cookie
    assert before is not None

    assert come_back(stranger.http, liar).status_code == 303

    assert stranger.cookie != before
    assert sign_ins.find_session(engine, before) is None
    assert len(sign_ins.sessions(engine)) == 1


def test_nobody_is_led_away(liar: Liar, places: Places, stranger: Person) -> None:
    places.write(liar.issuer)
    for back in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:x",
        "/\t/e",
    ):
        sent = query(begin(stranger.http, back))
        liar.nonce = sent["nonce"]
        asked = {"code": "c", "state": sent["state"]}
        answer = follow(stranger.http, str(httpx.URL("/sign-in/oidc/back", params=asked)))
        assert answer.headers["location"] == "/", back


def test_without_the_file_there_are_links_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: sa.Engine, board_settings: Settings
) -> None:
    monkeypatch.delenv("CCT_OPS_BOARD_PATH", raising=False)
    monkeypatch.chdir(tmp_path)
    with served(Board(engine, Settings.load())) as url, new_browser(url) as http:
        assert "oidc" not in http.get("/now").text
        assert http.get("/sign-in/oidc").status_code == 404
        assert http.get("/sign-in/oidc/back?code=x&state=y").status_code == 404


def test_a_board_without_it_does_not_pay_for_it() -> None:
    """What reads tokens comes into memory at the first sign-in."""
    looked = "import sys, cct_ops.board.__main__; print({'authlib', 'joserfc'} & set(sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", looked], check=True, capture_output=True, text=True
    )

    assert said.stdout == "set()\n"


def test_a_file_that_is_wrong_stops_no_link(
    places: Places, stranger: Person, engine: sa.Engine
) -> None:
    places.path.write_text("sign_in: {}\n")
    assert stranger.get("/now").status_code == 401
    assert "issuer" in stranger.get("/sign-in/oidc").text

    assert stranger.enter(new_link(engine)).status_code == 303


@needs_chromium
def test_in_a_browser(
    real: str, places: Places, address: str, browser: Browser, engine: sa.Engine
) -> None:
    """From a page for strangers through the provider's own page to what was wanted, and out."""
    places.write(real)
    make_user(real, "s-anna", groups=["on-call"])
    complaints: list[str] = []
    context = browser.new_context()
    try:
        page = context.new_page()
        page.on("console", lambda said: complaints.append(f"{said.location['url']} {said.text}"))
        page.goto(f"{address}/incidents")
        assert Axe().run(page).violations_count == 0
        page.get_by_role("link", name="Sign in at localhost").click()
        page.locator('input[name="sub"]').fill("s-anna")
        page.locator('input[name="sub"]').press("Enter")
        page.wait_for_url("**/incidents")
        expect(page.locator(".person")).to_contain_text("Anna Ito")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_text("You are signed out.")).to_be_visible()
    finally:
        context.close()
    ours = [each for each in complaints if each.startswith(address)]
    assert len(ours) == 1, ours
    assert "401" in ours[0]  # the page for strangers, which says how to get in
