"""What a provider of OpenID Connect answers is believed when it fits, and else one sentence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import sqlalchemy as sa
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from cct_ops.clients import oidc
from cct_ops.ledger.people import sign_ins
from tests.board.conftest import Person, new_link
from tests.board.oidc.conftest import Places, begin, come_back
from tests.board.oidc.providers import (
    CLIENT,
    SECRET,
    Liar,
    query,
    rsa,
    unsigned,
    with_our_secret,
    with_the_public_key,
)


def test_a_token_that_does_not_fit_signs_nobody_in(
    liar: Liar, places: Places, stranger: Person, engine: sa.Engine
) -> None:
    places.write(liar.issuer)
    now = int(time.time())
    wrong: list[dict[str, object]] = [
        {"iss": "http://127.0.0.1:1"},
        {"iss": f"{liar.issuer}/"},
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"aud": [CLIENT, "another-client"]},  # and no azp that says for whom it was made
        {"azp": "another-client"},
        {"exp": now - 60},
        {"exp": "tomorrow"},
        {"iat": now + 600},
        {"nbf": now + 600},
        {"nonce": "of another sign-in"},
        {"sub": ""},
        {"sub": 7},
        {"at_hash": "of another token"},
    ]
    wrong += [{name: None} for name in ("iss", "sub", "aud", "exp", "iat", "nonce")]
    for claims in wrong:
        liar.claims = claims
        answer = come_back(stranger.http, liar)
        assert answer.status_code == 503, claims
        assert "does not count" in answer.text, claims
    liar.claims = {}
    other = rsa("one")
    for raw in (unsigned, with_our_secret, with_the_public_key(liar), lambda _: "no.token.at.all"):
        liar.raw = raw
        assert come_back(stranger.http, liar).status_code == 503
    liar.raw = None
    liar.key, liar.shown = other, [liar.key.as_dict(private=False)]  # another key of that name
    assert come_back(stranger.http, liar).status_code == 503

    assert sign_ins.sessions(engine) == []
    assert stranger.cookie is None


def test_keys_may_change_at_any_time(liar: Liar, places: Places, stranger: Person) -> None:
    """The new one counts at once, the old one no longer, and strange ones are passed over."""
    places.write(liar.issuer)
    assert come_back(stranger.http, liar).status_code == 303
    old, liar.key = liar.key, rsa("two")
    strange: list[object] = [
        {"kty": "ML-DSA"},
        {"kty": "oct", "k": "AAAA"},
        {},
        "x",
        {"kty": "RSA", "n": "?"},
    ]
    strange += [{"kty": ["RSA"]}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, 7]
    liar.shown = [*strange, liar.key.as_dict(private=False)]

    assert come_back(stranger.http, liar).status_code == 303
    liar.key = old
    assert come_back(stranger.http, liar).status_code == 503


def test_an_answer_of_another_provider_is_refused(
    liar: Liar, places: Places, stranger: Person
) -> None:
    places.write(liar.issuer)

    assert come_back(stranger.http, liar, iss="https://evil.example").status_code == 403
    denied = come_back(stranger.http, liar, code="", error="access_denied<b>")
    assert "did not sign you in: access_denied&lt;b&gt;" in denied.text
    assert come_back(stranger.http, liar, iss=liar.issuer).status_code == 303


@pytest.mark.parametrize("where", ["discovery", "jwks", "token"])
def test_garbage_is_one_sentence_and_links_work_on(
    liar: Liar, places: Places, stranger: Person, engine: sa.Engine, where: str
) -> None:
    places.write(liar.issuer)
    page = "/sign-in/oidc"
    said: list[Response] = [
        PlainTextResponse("<html>", 200),
        PlainTextResponse("[" * 100_000, 200),
        PlainTextResponse("x" * 1_000_000, 200),
        JSONResponse([], 200),
        JSONResponse({}, 200),
        JSONResponse({"keys": 7, "issuer": 7, "id_token": 7}, 200),
        PlainTextResponse("no", 500),
        PlainTextResponse("", 302, {"Location": "https://evil.example"}),
    ]
    for each in said:
        liar.answers = {}
        sent = {} if where == "discovery" else query(begin(stranger.http))
        liar.answers = {where: lambda each=each: each}  # type: ignore[misc]
        path = str(httpx.URL(f"{page}/back", params={"code": "c", "state": sent.get("state", "")}))
        answer = stranger.get(page if where == "discovery" else path)
        assert answer.status_code == 503, each.body[:20]
        assert "One-time links work as ever" in answer.text
        assert SECRET not in answer.text

    assert stranger.enter(new_link(engine)).status_code == 303


def test_a_provider_that_is_slow_or_away_holds_nobody_up(
    liar: Liar, places: Places, stranger: Person, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one that says nothing, nor one that never ends, nor one that is not there."""

    async def letters(seconds: float) -> AsyncIterator[str]:
        for _ in range(20):
            await asyncio.sleep(seconds)
            yield " "

    monkeypatch.setattr(oidc, "ANSWER_SECONDS", 0.3)
    places.write(liar.issuer)
    for seconds in (0.6, 0.05):
        liar.answers = {"discovery": lambda each=seconds: StreamingResponse(letters(each))}  # type: ignore[misc]
        assert "does not answer: ReadTimeout" in stranger.get("/sign-in/oidc").text
    places.write("http://127.0.0.1:9")
    answer = stranger.get("/sign-in/oidc")

    assert answer.status_code == 503
    assert "127.0.0.1:9 does not answer" in answer.text
    assert stranger.enter(new_link(engine)).status_code == 303


def test_a_provider_by_another_name_is_not_asked_further(
    liar: Liar, places: Places, stranger: Person
) -> None:
    for differing in (
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
    ):
        places.write(liar.issuer)
        said = liar.metadata() | differing
        liar.answers = {"discovery": lambda said=said: JSONResponse(said)}  # type: ignore[misc]
        assert stranger.get("/sign-in/oidc").status_code == 503, differing
