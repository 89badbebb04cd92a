"""``cct-ops token``: a token is shown once, listed without itself, and ended."""

from __future__ import annotations

import json
import re

import pytest
import sqlalchemy as sa

from cct_ops.ledger.people import api_tokens
from cct_ops.models.role import Role
from tests.commands.conftest import Program, Typed


def test_a_token_is_printed_alone_so_that_a_shell_can_take_it(
    typed: Typed, engine: sa.Engine
) -> None:
    made = typed(["token", "create", "chatops", "--role", "responder", "--expires", "90d"])

    assert re.fullmatch(r"cctops_[\w-]{43}\n", made)
    found = api_tokens.find_token(engine, made.strip())
    assert found is not None
    assert (found.name, found.role) == ("chatops", Role.RESPONDER)
    assert 89.9 < (found.expires_at - found.made_at).total_seconds() / 86400 < 90.1
    (listed,) = json.loads(typed("token list --json"))
    assert (listed["id"], listed["role"], listed["used"]) == (str(found.id), "responder", None)
    assert "cctops_" not in typed("token list")


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_token_is_ended_by_its_id_or_its_name(
    typed: Typed, program: Program, engine: sa.Engine, by: str
) -> None:
    token_id, token = api_tokens.make(engine, "chatops", Role.VIEWER, days=1, made_by="root")

    typed(["token", "revoke", str(token_id) if by == "id" else "chatops"])

    assert api_tokens.find_token(engine, token) is None
    assert json.loads(typed("token list --json")) == []
    (over,) = json.loads(typed("token list --all --json"))
    assert over["live"] is False
    assert "there is no token chatops that is good" in program("token", "revoke", "chatops").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Chat Ops",), "no name of a token"),
        (("chatops", "--expires", "400d"), "366 days at most"),
        (("chatops", "--expires", "soon"), "no moment"),
        (("chatops", "--expires", "2020-01-01"), "366 days at most"),
    ],
)
def test_what_makes_no_token_is_one_sentence(
    on_ledger: None, program: Program, engine: sa.Engine, words: tuple[str, ...], said: str
) -> None:
    ended = program("token", "create", *words)

    assert ended.code == 1
    assert said in ended.err
    assert api_tokens.listed(engine, ended=True) == []
