"""Tokens: shown once, kept as a digest, good for a while, in the header alone, limited."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import sqlalchemy as sa

from cct_ops.board.api.limits import BURST
from cct_ops.board.api.operations import ALL
from cct_ops.errors import BadConfiguration
from cct_ops.ledger.gate import switches
from cct_ops.ledger.people import api_tokens
from cct_ops.ledger.people.tables import api_tokens as rows
from cct_ops.models.role import Role
from tests.board.api.conftest import PATH, Programs, new_token
from tests.board.conftest import Person, SignedIn

NO_TOKENS = (
    None,
    "",
    "Bearer",
    "Bearer x",
    "Bearer cctops_" + "A" * 43,
    "Basic Y2hhdG9wczp4",
    "Bearer \xff",
)


def test_a_stranger_gets_nothing_anywhere(stranger: Person, engine: sa.Engine) -> None:
    """And is not told what there is."""
    operations = [(each.method.upper(), each.path) for each in ALL]
    for method, path in (*operations, ("GET", "/openapi.json"), ("PUT", "/now"), ("GET", "/no")):
        answer = stranger.http.request(method, f"{PATH}{path}", json={"reason": "x"})
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == 'Bearer realm="cct-ops"'
        assert answer.json()["type"] == "urn:cct-ops:problem:no-token"

    for given in NO_TOKENS:
        headers = {b"Authorization": given.encode("latin-1")} if given is not None else {}
        assert stranger.http.get(f"{PATH}/now", headers=headers).status_code == 401, given
    assert switches.last(engine) is None


def test_no_cookie_and_no_token_in_an_address_lets_anybody_in(
    signed_in: SignedIn, engine: sa.Engine, program: Programs
) -> None:
    """Whoever is signed in has a page; a form of another site would carry the cookie as well."""
    admin, token = signed_in(Role.ADMIN), new_token(engine, name="other")

    assert admin.get(f"{PATH}/now").status_code == 401
    stop = admin.http.post(
        f"{PATH}/switches/stop", json={"reason": "x"}, headers={"Origin": admin.address}
    )
    assert stop.status_code == 401
    for name in ("token", "access_token", "authorization"):
        assert admin.get(f"{PATH}/now?{name}={token}").status_code == 401
    told = program().get(f"/now?token={token}")
    assert (told.status_code, "cct-ops token revoke" in told.json()["detail"]) == (400, True)
    assert switches.last(engine) is None


def test_the_ledger_holds_no_token(engine: sa.Engine, program: Programs) -> None:
    chatops = program()
    chatops.get("/now")

    with engine.connect() as connection:
        said = str(connection.execute(sa.select(rows)).all())
        said += str(connection.execute(sa.text("select * from log_queue")).all())
    assert "chatops" in said
    assert chatops.token not in said


def test_a_token_ends_at_once_where_it_is_revoked_and_by_itself(
    engine: sa.Engine, program: Programs
) -> None:
    first, second = program(name="first"), program(name="second")
    known = {each.name: each.id for each in api_tokens.listed(engine)}

    assert api_tokens.revoke(engine, known["first"], "root")
    with engine.begin() as tx:
        over = sa.update(rows).where(rows.c.name == "second")
        tx.execute(over.values(expires_at=sa.func.now()))

    assert (first.get("/me").status_code, second.get("/me").status_code) == (401, 401)
    assert not api_tokens.revoke(engine, known["first"], "root")
    assert api_tokens.listed(engine) == []
    assert len(api_tokens.listed(engine, ended=True)) == 2


def test_it_is_known_when_a_token_was_last_used(engine: sa.Engine, program: Programs) -> None:
    chatops = program()
    (before,) = api_tokens.listed(engine)

    me = chatops.get("/me").json()

    (after,) = api_tokens.listed(engine)
    assert before.last_used_at is None
    assert after.last_used_at is not None
    assert (me["id"], me["name"], me["role"]) == (str(after.id), "chatops (token)", "admin")


@pytest.mark.parametrize("name", ["", "Anna", "a b", "1a", "a" * 41, "ä", "a\n"])
def test_what_is_no_name_is_refused(engine: sa.Engine, name: str) -> None:
    with pytest.raises(BadConfiguration, match="no name of a token"):
        api_tokens.make(engine, name, Role.VIEWER, days=1, made_by="root")


@pytest.mark.parametrize("days", [0, -1, 367, float("nan")])
def test_no_token_is_good_for_ever(engine: sa.Engine, days: float) -> None:
    with pytest.raises(BadConfiguration, match="366 days"):
        api_tokens.make(engine, "chatops", Role.VIEWER, days=days, made_by="root")


def test_of_two_tokens_of_one_name_one_is_good(engine: sa.Engine) -> None:
    """In the record it is known which of them it was."""

    def make(_: int) -> bool:
        try:
            return bool(new_token(engine))
        except BadConfiguration:
            return False

    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(make, range(6)))

    assert made.count(True) == 1
    (token,) = api_tokens.listed(engine)
    api_tokens.revoke(engine, token.id, "root")
    assert new_token(engine)


def test_whoever_asks_too_often_is_told_how_long_to_wait(program: Programs) -> None:
    """And nobody else."""
    eager, other = program(Role.VIEWER, "eager"), program(Role.VIEWER, "other")

    answers: list[httpx.Response] = []
    while not answers or answers[-1].status_code == 200:  # more often than it may, on any machine
        with ThreadPoolExecutor(4) as threads:
            answers += threads.map(lambda _: eager.get("/me"), range(BURST))

    refused = [each for each in answers if each.status_code == 429]
    assert refused
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].json()["type"] == "urn:cct-ops:problem:too-many"
    assert other.get("/me").status_code == 200
