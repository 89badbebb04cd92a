"""A link to a page survives the sign-in, by link and by OIDC, and leads nowhere else."""

from __future__ import annotations

import base64

import httpx
import pytest
import sqlalchemy as sa

from cct_ops.board.door import LONGEST_WANTED
from tests.board.conftest import Person, SignedIn, new_link
from tests.ledger.alerts import opened

WANTED = "cct-ops-board-wanted"


def test_whoever_follows_a_link_signed_out_is_led_there_by_a_one_time_link(
    stranger: Person, engine: sa.Engine
) -> None:
    """With its filters, once: the next sign-in leads to Now."""
    here = f"/incidents/{opened(engine)}?from=slack&x=%20"
    assert stranger.get(here).status_code == 401

    answer = stranger.enter(new_link(engine))

    assert answer.headers["location"] == here
    assert stranger.get(here).status_code == 200
    assert stranger.http.cookies.get(WANTED) is None
    assert stranger.enter(new_link(engine)).headers["location"] == "/"


def test_the_newest_page_that_was_asked_for_counts(stranger: Person, engine: sa.Engine) -> None:
    for path in ("/incidents", "/switches", "/", "/nowhere"):
        stranger.get(path)

    assert stranger.enter(new_link(engine)).headers["location"] == "/switches"


@pytest.mark.parametrize(
    "planted",
    [
        *("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"),
        *("/now\r\nSet-Cookie: a=b", "", "\0", "http:/now"),
    ],
)
def test_a_planted_address_leads_nowhere_else(
    stranger: Person, engine: sa.Engine, planted: str
) -> None:
    kept = base64.urlsafe_b64encode(planted.encode()).decode()
    stranger.http.cookies.set(WANTED, kept)

    answer = stranger.enter(new_link(engine))

    assert answer.headers["location"] == "/"
    assert "a=b" not in str(answer.headers)


def test_garbage_in_its_place_keeps_nobody_out(stranger: Person, engine: sa.Engine) -> None:
    stranger.http.cookies.set(WANTED, "%%%not-base64")

    assert stranger.enter(new_link(engine)).headers["location"] == "/"


def test_an_address_without_end_is_not_kept(stranger: Person) -> None:
    stranger.get(f"/inbox?about={'x' * LONGEST_WANTED}")

    assert stranger.http.cookies.get(WANTED) is None


def test_what_a_browser_is_given_of_it_no_script_reads(stranger: Person) -> None:
    given = stranger.get("/incidents").headers["set-cookie"]

    assert "HttpOnly" in given
    assert "SameSite=lax" in given


def test_who_is_signed_in_is_given_none(signed_in: SignedIn) -> None:
    answer: httpx.Response = signed_in().get("/incidents")

    assert WANTED not in answer.headers.get("set-cookie", "")
